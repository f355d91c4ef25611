#!/bin/sh
# The telephone and its command line. The heap is kept small: a handset has little memory, and a call needs little. The collector does its work
# alone: a real-time voice thread must not wait for helper threads of ordinary priority. And it leaves compiled code and what that depends on (kinds
# of objects, bytecode) alone while the telephone rests: the next call is to be as fast as the one before.
lib=/usr/lib/sotto
node=/usr/bin/node
if [ -x "$lib/node/bin/node" ]; then
  node=$lib/node/bin/node
  export LD_LIBRARY_PATH="$lib/node/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
fi
# Compiled code is kept for the next start where the service has a folder for it; only who runs the service may write there.
export SOTTO_CODE_CACHE="${SOTTO_CODE_CACHE-${CACHE_DIRECTORY-}}"
exec "$node" --single-threaded-gc --no-memory-reducer --retain-maps-for-n-gc=1000 --no-flush-bytecode \
  --max-semi-space-size=1 --max-old-space-size=64 "$lib/sotto.js" "$@"
