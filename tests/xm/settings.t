# xend-config.sxp as xm shows it.

== without a file the defaults are shown
$ xm info -c | head -2
> logfile                               : /var/log/xen/xend.log
> loglevel                              : DEBUG

== the shipped file changes nothing
$ xm info -c >a; XEND_CONFIG=$OLDPWD/config-examples/xend-config.sxp xm info -c | cmp a -

== the shipped file with every comment taken off still changes nothing but the empty values
$ sed 's/^#(/(/; /^(.* )$/d; /^([a-z0-9-]*)$/d' $OLDPWD/config-examples/xend-config.sxp >f; xm info -c >a; XEND_CONFIG=f xm info -c | cmp a -

== every key has its paragraph in the manual
$ xm info -c | sed 's/ *:.*//' | while read -r key; do grep -q "^.B $key\$" $OLDPWD/man/xend-config.sxp.5 || echo $key; done

== a wrong value names its key
$ echo '(dom0-min-mem some)' >f; XEND_CONFIG=f xm info -c
! Error: invalid xend config dom0-min-mem: expected int: some
? 1
