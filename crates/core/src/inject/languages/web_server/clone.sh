# Clones the folder $1, in which a server has its configuration, notes the version of the program $2, and makes the file $3
# for the next container to fill, if there are such. The server starts with the clone in place of the folder, so it fails
# if the clone is not whole. What the user cannot read is left out: the server, the same user, does not read it either.
conf=/opt/opentelemetry-webserver/source-conf
whole() {
  [ -r "$1" ] || { [ ! -x "$1" ]; return; }
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [ -L "$entry" ]; then
      [ -L "$2/${entry##*/}" ] || return 1
    elif [ -d "$entry" ]; then
      whole "$entry" "$2/${entry##*/}" || return 1
    elif [ -f "$entry" ] && [ -r "$entry" ]; then
      cp -f "$entry" "$2/${entry##*/}" || return 1
    fi
  done
}
# An earlier run may have left what cannot be written over.
chmod -R u+w "$conf" 2> /dev/null
if [ -d "$1" ] && ! cp -rf "$1"/. "$conf"; then
  chmod -R u+w "$conf" 2> /dev/null
  if ! whole "$1" "$conf"; then
    echo "the configuration in $1 could not be cloned" >&2
    echo "the configuration in $1 could not be cloned" > /dev/termination-log
    exit 1
  fi
fi
if [ -n "$2" ]; then
  version=$("$2" -v 2>&1)
  version=${version##*/}
  printf '%s\n' "${version%% *}" > "$conf/version.txt"
fi
if [ -n "$3" ] && [ -d "$conf/${3%/*}" ]; then
  printf '' > "$conf/$3" && chmod 666 "$conf/$3"
fi
exit 0
