# Adds the OpenTelemetry module to the cloned configuration of Apache httpd. $1 is the folder that the server reads.
# Whatever fails here, the server starts with the configuration that it had.
agent=/opt/opentelemetry-webserver/agent
conf=/opt/opentelemetry-webserver/source-conf
folder=$1
leave() {
  echo "the server starts without instrumentation: $1" >&2
  echo "the server starts without instrumentation: $1" > /dev/termination-log
  exit 0
}
[ -f "$conf/httpd.conf" ] || leave "there is no httpd.conf in $folder"
cp -r /opt/opentelemetry/* "$agent" || leave "the agent could not be copied"
sed "s,__agent_log_dir__,$agent/logs,g" "$agent/conf/opentelemetry_sdk_log4cxx.xml.template" \
  > "$agent/conf/opentelemetry_sdk_log4cxx.xml" || leave "the agent has no template for its log"
printf '%s\n' "$OTEL_APACHE_AGENT_CONF" | sed "s/<<SID-PLACEHOLDER>>/$APACHE_SERVICE_INSTANCE_ID/g" \
  > "$conf/opentemetry_agent.conf" || leave "the configuration could not be written"
missing=$(sed -n "s,^Load.* \($agent/[^ ]*\)\$,\1,p" "$conf/opentemetry_agent.conf" | while read -r file; do
  [ -f "$file" ] || echo "$file"
done)
[ -z "$missing" ] || leave "the agent's image lacks $missing"
{ cat "$conf/httpd.conf" && printf '\nInclude %s/opentemetry_agent.conf\n' "$folder"; } > "$conf/httpd.conf.otel" \
  && mv -f "$conf/httpd.conf.otel" "$conf/httpd.conf" || leave "httpd.conf could not be written"
