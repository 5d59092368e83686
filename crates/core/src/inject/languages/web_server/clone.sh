# Clones the folder $1, in which a server has its configuration, and notes the version of the program $2, if there is one.
# The server starts with the clone in place of the folder, so it fails if the clone is not whole. What the user cannot
# read is left out: the server, the same user, does not read it either.
conf=/opt/opentelemetry-webserver/source-conf
whole() {
  for entry in "$1"/* "$1"/.[!.]*; do
    if [ -L "$entry" ]; then
      [ -L "$2/${entry##*/}" ] || return 1
    elif [ -d "$entry" ]; then
      [ ! -r "$entry" ] || whole "$entry" "$2/${entry##*/}" || return 1
    elif [ -f "$entry" ] && [ -r "$entry" ]; then
      cp -f "$entry" "$2/${entry##*/}" || return 1
    fi
  done
}
if [ -d "$1" ] && ! cp -rp "$1"/. "$conf" && ! whole "$1" "$conf"; then
  echo "the configuration in $1 could not be cloned" >&2
  echo "the configuration in $1 could not be cloned" > /dev/termination-log
  exit 1
fi
if [ -n "$2" ]; then
  version=$("$2" -v 2>&1)
  version=${version##*/}
  printf '%s\n' "${version%% *}" > "$conf/version.txt"
fi
exit 0
