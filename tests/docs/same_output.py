"""An example program prints something, and the same at 1, 2 and 3 ranks."""

import os
import subprocess
import sys

program = sys.argv[1]
printed = set()
for ranks in (1, 2, 3):
    done = subprocess.run([os.environ["MPIEXEC"], "-n", str(ranks), program], capture_output=True, text=True, timeout=100,
                          stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"{ranks} ranks: code {done.returncode}\n{done.stdout}{done.stderr}")
    printed.add(done.stdout)
print(*printed, sep="---\n")
if len(printed) != 1 or not printed.pop().strip():
    sys.exit("the output depends on the number of ranks, or there is none")
