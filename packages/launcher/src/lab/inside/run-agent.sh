#!/bin/sh
# A thread for each line that is read, and some to write with.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root UV_THREADPOOL_SIZE=16 LANG=C.UTF-8
export NODE_COMPILE_CACHE=/var/cache/roost-node
cd /root
exec /root/roost/.roost/cache/node-*/bin/node /lab/inside/agent.ts
