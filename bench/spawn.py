"""Runs the command in its arguments, and writes what it took to file descriptor 3 as JSON.

wait4 tells the CPU time of the command and of every process it waited for, to the microsecond, where
GNU time rounds to 10 ms; the peak resident memory is that of the largest of them. A peak below this
process's own (some 9 MB) cannot be told.
"""
import json
import os
import sys
import time

os.set_inheritable(3, False)
began = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
took = {
    "wall": time.monotonic() - began,
    "cpu": usage.ru_utime + usage.ru_stime,
    "rss": usage.ru_maxrss * 1024,
    "code": os.waitstatus_to_exitcode(status),
}
os.write(3, json.dumps(took).encode())
