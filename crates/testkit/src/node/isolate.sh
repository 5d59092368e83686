# Starts containerd as the first process of a cluster's mount namespace; the kubelet joins it.
#
# Paths that programs cannot be told to change are covered by folders of the cluster, so that clusters do
# not meet there and nothing is left on the machine: when the last process has gone, so have all mounts.
#
# Usage: isolate.sh STATE-FOLDER PROGRAM [ARGUMENT]...
set -eu
state=$1
shift

# Mounts of the machine come in, ours do not go out; pods may ask for propagation.
mount --make-rshared /

cover() {
    mkdir -p "$state/$1" "$2"
    mount --bind "$state/$1" "$2"
}
cover kubelet /var/lib/kubelet
cover cni /var/lib/cni
cover pod-logs /var/log/pods
cover container-logs /var/log/containers
cover run /run/containerd

# The kubelet sets these for the whole machine unless it finds them set already.
pretend() {
    printf '%s\n' "$2" >"$state/kernel/${1##*/}"
    mount --bind "$state/kernel/${1##*/}" "/proc/sys/$1"
}
mkdir -p "$state/kernel"
pretend vm/overcommit_memory 1
pretend vm/panic_on_oom 0
pretend kernel/panic 10
pretend kernel/panic_on_oops 1
pretend kernel/keys/root_maxkeys 1000000
pretend kernel/keys/root_maxbytes 25000000

exec "$@"
