# Adds the OpenTelemetry module to the cloned configuration of nginx. $1 is the name of the main file. If $2 is a file in
# which a probe writes variables, the module is added only if the variable $3 is among them.
# Whatever fails here, the server starts with the configuration that it had.
agent=/opt/opentelemetry-webserver/agent
conf=/opt/opentelemetry-webserver/source-conf
main=$1
leave() {
  echo "the server starts without instrumentation: $1" >&2
  echo "the server starts without instrumentation: $1" > /dev/termination-log
  [ ! -e "$conf/conf.d/opentelemetry_agent.conf" ] || printf '' > "$conf/conf.d/opentelemetry_agent.conf"
  rm -f "$conf/$main.otel"
  exit 0
}
if [ -f "$2" ]; then
  case $(cat "$2") in *"$3="*) ;; *) leave "the probe did not pass on $3" ;; esac
fi
[ -f "$conf/$main" ] || leave "there is no $main in the folder of the configuration"
[ -d "$conf/conf.d" ] || leave "there is no folder conf.d beside $main"
version=$(cat "$conf/version.txt")
module=$agent/WebServerModule/Nginx/$version/ngx_http_opentelemetry_module.so
cp -r /opt/opentelemetry/* "$agent" || leave "the agent could not be copied"
[ -f "$module" ] || leave "the agent's image has no module for nginx $version"
sed "s,__agent_log_dir__,$agent/logs,g" "$agent/conf/opentelemetry_sdk_log4cxx.xml.template" \
  > "$agent/conf/opentelemetry_sdk_log4cxx.xml" || leave "the agent has no template for its log"
printf '%s\n' "$OTEL_NGINX_AGENT_CONF" | sed "s,<<SID-PLACEHOLDER>>,$OTEL_NGINX_SERVICE_INSTANCE_ID,g" \
  > "$conf/conf.d/opentelemetry_agent.conf" || leave "the configuration could not be written"
{ printf 'env OTEL_RESOURCE_ATTRIBUTES;\nload_module %s;\n' "$module" && cat "$conf/$main"; } > "$conf/$main.otel" \
  && mv -f "$conf/$main.otel" "$conf/$main" || leave "$main could not be written"
