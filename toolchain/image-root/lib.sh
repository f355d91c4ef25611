# Shared by the scripts of this folder; source it.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
# Where the boot partition is mounted while it is needed, where the telephone is asked, and the file it touches while it lives.
boot=/run/boot
socket=/run/sotto/control.sock
alive=/run/sotto/alive

say() { echo "<3>sotto: $*" >/dev/kmsg 2>/dev/null || echo "sotto: $*"; }

# What the person should know, on the console and, by the file the telephone watches, on its screen: notice error|done WORDS
notice_file=/run/notice/text
notice() {
  kind=$1
  shift
  say "$*"
  echo "$kind $*" >"$notice_file.new" && chmod 644 "$notice_file.new" && mv "$notice_file.new" "$notice_file"
}

# Before a program: it runs as the telephone's user, with its groups, and with nothing of root left. ($as_sotto PROGRAM …)
as_sotto="/usr/bin/setpriv --reuid=sotto --regid=sotto --init-groups --no-new-privs --bounding-set=-all --inh-caps=-all"

# Device of the partition with the given name.
partition() {
  for event in /sys/class/block/*/uevent; do
    if grep -qx "PARTNAME=$1" "$event" 2>/dev/null; then
      echo "/dev/$(sed -n 's/^DEVNAME=//p' "$event")"
      return
    fi
  done
}

# Value of a word of the kernel's command line: word sotto.slot
word() { tr ' ' '\n' </proc/cmdline | sed -n "s/^$1=//p" | tail -n 1; }

# The slot that is running.
slot() { word sotto.slot; }

# The boot partition at $boot, by one user at a time: mount_boot ro|rw fails while another has it.
mount_boot() {
  mkdir /run/boot.lock 2>/dev/null || return 1
  mkdir -p "$boot"
  mount -t vfat -o "$1,umask=077" "$(partition sotto-boot)" "$boot" && return 0
  rmdir /run/boot.lock
  return 1
}
unmount_boot() {
  sync
  umount "$boot"
  rmdir /run/boot.lock
}
