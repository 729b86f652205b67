#!/bin/busybox sh
# Run in a guest before and for IGT's tests: igt-guest.sh SECONDS PROGRAM [SUBTEST [DYNAMIC]]
# What it prints is read by src/igt/result.ts: marks of the form "@igt NAME VALUE", text after them.
# SUBTEST @FILE runs all the subtests that the file names, with commas between, in one process; then
# only lines about results are printed, which src/igt/group.ts reads.

# IGT 2.5 finds a CRTC's hardware pipe in crtc-N/i915_pipe of debugfs, which kernels have since 6.4; Haswell's CRTCs are
# its pipes in order. A tmpfs over each directory has that file, and links to the kernel's own. One of them moved there
# from the card's directory: IGT reads errno after it looked for i915_drrs_ctl.
kernel=/run/igt-debugfs
[ -d $kernel ] || { mkdir $kernel && mount -t debugfs debugfs $kernel; }
for crtc in /sys/kernel/debug/dri/*/crtc-*; do
  if [ -d "$crtc" ] && [ ! -e "$crtc/i915_pipe" ]; then
    mount -t tmpfs pipe "$crtc"
    own=$kernel/${crtc#/sys/kernel/debug/}
    for file in "$own"/* "${own%/*}/i915_drrs_ctl"; do ln -s "$file" "$crtc/"; done
    echo ABC | cut -c$((${crtc##*-} + 1)) >"$crtc/i915_pipe"
  fi
done
# Tests that load i915 themselves look at it at once; libkmod runs this command instead of loading it.
if [ ! -e /run/modprobe.d/igt.conf ]; then
  mkdir -p /run/modprobe.d
  echo "install i915 /bin/modprobe i915 \$CMDLINE_OPTS && sh $0" >/run/modprobe.d/igt.conf
fi
# Tests that suspend call util-linux's rtcwake, which busybox has not: -s seconds, -m state, -n to try only.
if [ ! -e /bin/rtcwake ]; then
  cat >/bin/rtcwake <<'END'
#!/bin/busybox sh
alarm=/sys/class/rtc/rtc0/wakealarm only=
while getopts ns:m: option; do
  case $option in n) only=try ;; s) seconds=$OPTARG ;; m) state=$OPTARG ;; *) exit 1 ;; esac
done
grep -qw "$state" /sys/power/state && [ -w $alarm ] || exit 1
[ -n "$only" ] && exit 0
echo 0 >$alarm && echo "+$seconds" >$alarm && echo "$state" >/sys/power/state
END
  chmod +x /bin/rtcwake
fi
[ $# = 0 ] && exit 0

seconds=$1 program=$2
group=
case $3 in @*) group=$(cat "${3#@}") ;; esac
set -- ${3:+--run-subtest "${group:-$3}"} ${4:+--dynamic-subtest "$4"}
cd /usr/libexec/igt-gpu-tools || exit 1
# Tests start up to 1,024 threads: with stacks of 8 MiB each they do not fit a 32-bit address space. Others have 1 MiB of
# local variables.
ulimit -s 2048
dmesg -c >/dev/null
begin=$(cut -d' ' -f1 /proc/uptime)
if [ -x "$program" ]; then
  timeout -k 5 -s INT "$seconds" "./$program" "$@" </dev/null >/tmp/igt.out 2>/tmp/igt.err
  status=$?
else
  status=127
fi
echo "@igt exit $status"
echo "@igt time $begin $(cut -d' ' -f1 /proc/uptime)"
echo "@igt tainted $(cat /proc/sys/kernel/tainted)"
echo "@igt wedged $(cat /sys/kernel/debug/dri/0/i915_wedged 2>/dev/null || echo gone)"
echo "@igt out"
if [ -n "$group" ]; then
  grep -a -e '^Starting subtest: ' -e '^Subtest ' -e '^Test requirement: ' /tmp/igt.out
else
  tail -c 3000 /tmp/igt.out
fi
echo
echo "@igt err"
grep -a -e CRITICAL -e '^Received signal' -e ' failed\.$' /tmp/igt.err | tail -n 24
echo "@igt log"
if [ -n "$group" ]; then
  dmesg -r -c | grep -e '^<[0-4]>' -e '^<[12][0-9]*>.*\[IGT\] .*: starting subtest '
else
  dmesg -r -c | grep -v -e '^<14>' -e 'Console: switching' | tail -n 60
fi
rm -f /tmp/igt.out /tmp/igt.err
