# Clones the configuration of nginx, the folder $1, and notes the version of the server, for which the module is chosen.
conf=/opt/opentelemetry-webserver/source-conf
cp -r "$1"/. "$conf"
version=$(nginx -v 2>&1)
version=${version##*/}
printf '%s\n' "${version%% *}" > "$conf/version.txt"
exit 0
