# Configurations as other programs write them, and the calls that they make (the rest of what they need
# is tested where domains run: tests/system/xend).

== what ganeti writes for an instance
$ printf 'kernel = "/boot/vmlinuz-3-xenU"\nramdisk = "/boot/initrd-3-xenU"\nmemory = 1024\nmaxmem = 1024\nvcpus = 2\nname = "web1.example.com"\nvif = ['"'"'mac=aa:00:00:35:8c:01, bridge=xen-br0'"'"']\ndisk = ['"'"'phy:/var/run/ganeti/instance-disks/web1:0,sda,w'"'"']\nroot = '"'"'/dev/sda1'"'"'\non_poweroff = '"'"'destroy'"'"'\non_reboot = '"'"'restart'"'"'\non_crash = '"'"'restart'"'"'\nextra = '"'"'ro'"'"'\n' >web1; xm create -q -n web1
> (vm
>     (name web1.example.com)
>     (memory 1024)
>     (maxmem 1024)
>     (on_poweroff destroy)
>     (on_reboot restart)
>     (on_crash restart)
>     (vcpus 2)
>     (on_xend_start ignore)
>     (on_xend_stop ignore)
>     (image
>         (linux
>             (kernel /boot/vmlinuz-3-xenU)
>             (ramdisk /boot/initrd-3-xenU)
>             (root /dev/sda1)
>             (args ro)
>         )
>     )
>     (device
>         (vbd
>             (uname phy:/var/run/ganeti/instance-disks/web1:0)
>             (dev sda)
>             (mode w)
>         )
>     )
>     (device (vif (bridge xen-br0) (mac aa:00:00:35:8c:01)))
> )

== what xen-tools writes: numbers in quotes, lists over lines with a comma at their end
$ printf '#\n# Configuration file\n#\nbootloader = '"'"'pygrub'"'"'\n\nvcpus       = '"'"'1'"'"'\nmemory      = '"'"'128'"'"'\n\nroot        = '"'"'/dev/xvda2 ro'"'"'\ndisk        = [\n                  '"'"'file:/srv/xen/db/disk.img,xvda2,w'"'"',\n                  '"'"'file:/srv/xen/db/swap.img,xvda1,w'"'"',\n              ]\n\nname        = '"'"'db'"'"'\ndhcp        = '"'"'dhcp'"'"'\nvif         = [ '"'"'mac=00:16:3E:01:02:03'"'"' ]\non_poweroff = '"'"'destroy'"'"'\non_reboot   = '"'"'restart'"'"'\non_crash    = '"'"'restart'"'"'\n' >db.cfg; xm create -q -n db.cfg | grep -E '\(name|\(memory|\(vcpus|bootloader|uname|mac'
>     (name db)
>     (memory 128)
>     (vcpus 1)
>     (bootloader /usr/bin/pygrub)
>     (bootloader_args -q)
>     (device (vbd (uname file:/srv/xen/db/disk.img) (dev xvda2) (mode w)))
>     (device (vbd (uname file:/srv/xen/db/swap.img) (dev xvda1) (mode w)))
>     (device (vif (mac 00:16:3E:01:02:03)))

== what obs-build types: overrides with commas, colons and blanks, without quotes of Python's
$ printf 'kernel = "/k"\n' >f; xm create -q -n f name=build_1 disk=file:/r/img,hda1,w disk=file:/r/swap,hda2,w extra='quiet root=/dev/hda1 init=/bin/sh' | grep -E 'name|args|uname'
>     (name build_1)
>     (image (linux (kernel /k) (args 'quiet root=/dev/hda1 init=/bin/sh')))
>     (device (vbd (uname file:/r/img) (dev hda1) (mode w)))
>     (device (vbd (uname file:/r/swap) (dev hda2) (mode w)))

== xendomains takes the name from a dry run
$ printf 'name = "auto1"\nkernel = "/k"\n' >f; xm create --quiet --dryrun --defconfig f | sed -n 's/^.*(name \(.*\))$/\1/p'
> auto1
