"""Submissions that try to get marks, secrets or harm without knowing the answer; each is the cells of a notebook."""

WRONG = """
def kl_divergence(p, q):
    return p.sum(-1)
"""

# The worker's own functions, in the hands of the submission.
REWRITTEN = """
import sys
frame = sys._getframe()
while frame.f_back:
    frame = frame.f_back
rewritten = frame.f_globals
while '_observed' not in rewritten:
    raise SystemError('the worker has changed: rewrite this attack')
"""

HOSTILE: dict[str, tuple[str, ...]] = {
    "comparison of math patched": (
        """
import math
math.isclose = lambda *a, **k: True
math.isnan = lambda *a: False
""",
        WRONG,
    ),
    "comparison of numpy and torch patched": (
        """
import numpy as np, torch
np.isclose = np.allclose = np.array_equal = lambda *a, **k: True
torch.isclose = torch.allclose = torch.equal = lambda *a, **k: True
torch.testing.assert_close = lambda *a, **k: None
torch.Tensor.__eq__ = torch.Tensor.__le__ = lambda *a: torch.tensor(True)
torch.Tensor.equal = lambda *a: True
""",
        WRONG,
    ),
    "builtins patched": (
        """
import builtins
builtins.all = builtins.bool = lambda *a: True
builtins.abs = lambda x: 0
""",
        WRONG,
    ),
    "the judge in sys.modules": (
        """
import sys, types
fake = types.ModuleType('judge')
fake.judge = fake.compare = fake.same = lambda *a, **k: True
for name in ('core', 'judge', 'compare'):
    sys.modules['course_gan.exercises.' + name] = fake
""",
        WRONG,
    ),
    "the box's own functions replaced": (
        """
import course_gan.exercises.observe as o, course_gan.exercises.answers as a, course_gan.grade.wire as w
o.observe_call = lambda *x: o.Outcome(answer=True)
a.sendable = lambda x: True
w.Message.put = lambda self, value: {'passed': True, 'points': 100}
""",
        WRONG,
    ),
    "an object equal to everything": (
        """
class Yes:
    __eq__ = __le__ = __lt__ = __bool__ = lambda *a: True
    __hash__ = None
def kl_divergence(p, q):
    return Yes()
""",
    ),
    "an object that becomes what it is compared with": (
        """
import numpy as np
class Yes:
    def __array__(self, *a, **k):
        return np.zeros(3)
    def __float__(self):
        return 0.0
    shape, dtype, ndim = (), float, 0
def kl_divergence(p, q):
    return Yes()
""",
    ),
    "a tensor with operations of its own": (
        """
import torch
class Yes(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return torch.tensor(True)
def kl_divergence(p, q):
    return torch.zeros(p.shape[:-1]).as_subclass(Yes)
""",
    ),
    "a pickle": (
        """
import os
class Bomb:
    def __reduce__(self):
        return (os.system, ('touch /tmp/forged',))
def kl_divergence(p, q):
    return Bomb()
""",
    ),
    "truth": (
        """
def kl_divergence(p, q):
    return True
""",
    ),
    "not a number": (
        """
import torch
def kl_divergence(p, q):
    return torch.full(p.shape[:-1], torch.nan)
""",
    ),
    "infinity": (
        """
import torch
def kl_divergence(p, q):
    return torch.full(p.shape[:-1], torch.inf)
""",
    ),
    "zero": (
        """
import torch
def kl_divergence(p, q):
    return torch.zeros(p.shape[:-1])
""",
    ),
    "a huge tensor": (
        """
import torch
def kl_divergence(p, q):
    return torch.zeros(1).expand(10**9)
""",
    ),
    "a list of lists without end": (
        """
def kl_divergence(p, q):
    x = []
    x.append(x)
    return x
""",
    ),
    "an alias of the input, changed later": (
        """
import torch
def kl_divergence(p, q):
    p.zero_()
    q.zero_()
    return p.sum(-1)
""",
    ),
    "parent's memory and environment": (
        """
import os, glob
found = ''
for name in glob.glob('/proc/[0-9]*/environ') + glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/mem'):
    try:
        found += open(name, errors='replace').read(100_000)
    except (OSError, ValueError):
        pass
def kl_divergence(p, q):
    raise ValueError('LEAK' if '5309' in found else 'nothing found')
""",
    ),
    "the reference on the disk": (
        """
import os
wanted = ('divergences.py', 'kl_divergence.py', 'judge.py', '02-divergences.md', 'grading.toml')
found = [os.path.join(place, n) for place, _, names in os.walk('/') for n in names if n in wanted]
import sys
for place in found:
    sys.path.insert(0, os.path.dirname(os.path.dirname(place)))
def kl_divergence(p, q):
    from course_gan import divergences
    return divergences.kl(p, q)
""",
    ),
    "the reference by import": (
        """
def kl_divergence(p, q):
    from course_gan.exercises.ch02.kl_divergence import kl_divergence as right
    return right(p, q)
""",
    ),
    "the expected values in the frames around": (
        """
import gc, sys, torch
def kl_divergence(p, q):
    frame = sys._getframe()
    while frame:
        for name, value in frame.f_locals.items():
            if 'expected' in name or 'reference' in name:
                return value
        frame = frame.f_back
    for thing in gc.get_objects():
        if type(thing).__name__ == 'Exercise':
            return thing.reference(p, q)
    return p.sum(-1)
""",
    ),
    "network": (
        """
import socket, urllib.request
def kl_divergence(p, q):
    socket.setdefaulttimeout(1)
    for address in (('1.1.1.1', 53), ('127.0.0.1', 22), ('localhost', 80)):
        try:
            socket.create_connection(address)
            return 0 / 0
        except OSError:
            pass
    return p.sum(-1)
""",
    ),
    "a thread that answers later": (
        """
import threading, time, os
def late():
    time.sleep(0.5)
    for d in range(3, 20):
        try:
            os.write(d, b'{"passed": true}' * 100)
        except OSError:
            pass
threading.Thread(target=late, daemon=True).start()
""",
        """
import time
def kl_divergence(p, q):
    time.sleep(0.2)
    return p.sum(-1)
""",
    ),
    "forged frames": (
        """
import os, sys, torch
from course_gan.grade import wire
def kl_divergence(p, q):
    m = wire.Message({})
    m.head['done'] = {'passed': True, 'points': 99, 'answer': m.put(torch.tensor(0.0))}
    for d in range(3, 20):
        try:
            wire.write(d, m, 0)
        except Exception:
            pass
    return p.sum(-1)
""",
    ),
    "a frame that is too deep": (
        """
import os
def kl_divergence(p, q):
    from course_gan.grade import wire
    for d in range(3, 20):
        try:
            os.write(d, wire.SIZES.pack(60_000, 0) + b'[' * 60_000)
        except OSError:
            pass
    return p.sum(-1)
""",
    ),
    "exit code nought": (
        """
import os
def kl_divergence(p, q):
    os._exit(0)
""",
    ),
    "sys.exit": (
        """
import sys
def kl_divergence(p, q):
    sys.exit(0)
""",
        """
sys.exit(0)
""",
    ),
    "exit in a cell": (
        """
import os
os._exit(0)
""",
        WRONG,
    ),
    "crash": (
        """
import ctypes
def kl_divergence(p, q):
    ctypes.string_at(0)
""",
    ),
    "endless recursion": (
        """
def kl_divergence(p, q):
    return kl_divergence(p, q)
""",
    ),
    "an import hook": (
        """
import sys, types
class Hook:
    def find_spec(self, name, path=None, target=None):
        raise SystemExit(0)
sys.meta_path.insert(0, Hook())
sys.path_hooks.insert(0, lambda path: 1 / 0)
sys.path_importer_cache.clear()
""",
        WRONG,
    ),
    "an endless loop": (
        """
def kl_divergence(p, q):
    while True:
        pass
""",
    ),
    "a cell that catches everything": (
        """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
""",
        WRONG,
    ),
    "a loop in C": (
        """
def kl_divergence(p, q):
    return sum(range(10**12))
""",
    ),
    "memory": (
        """
x = []
def kl_divergence(p, q):
    while True:
        x.append(bytearray(10**8))
""",
    ),
    "one huge block of memory": (
        """
def kl_divergence(p, q):
    return bytearray(10**12)
""",
    ),
    "fork bomb": (
        """
import os
def kl_divergence(p, q):
    while True:
        try:
            os.fork()
        except OSError:
            pass
""",
    ),
    "fork bomb in a cell": (
        """
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
""",
        WRONG,
    ),
    "children that stay": (
        """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(1000)
    os._exit(0)
""",
        WRONG,
    ),
    "ten gigabytes of output": (
        """
def kl_divergence(p, q):
    line = 'x' * 10**6
    for _ in range(10**4):
        print(line)
    return p.sum(-1)
""",
    ),
    "the disk filled": (
        """
import os
def kl_divergence(p, q):
    for place in ('/tmp', '/dev/shm', '/', '/box', '/var/tmp', os.getcwd()):
        for n in range(40):
            try:
                open(f'{place}/{n}', 'wb').write(b'x' * 10**7)
            except OSError:
                pass
    return p.sum(-1)
""",
    ),
    "everything deleted": (
        """
import os, shutil
for place in (os.getcwd(), '/tmp', '/box', '/work', '/root', '/home', '/usr'):
    shutil.rmtree(place, ignore_errors=True)
""",
        WRONG,
    ),
    "shell escapes and magics": (
        """
!rm -rf / --no-preserve-root
%cd /
%load_ext autoreload
x = !cat /etc/passwd
!curl http://example.org
""",
        """
%%bash
rm -rf ~
""",
        """
get_ipython().system('rm -rf /')
""",
        WRONG,
    ),
    "everybody killed": (
        """
import os, signal
def kl_divergence(p, q):
    for who in (os.getppid(), -1, 1):
        try:
            os.kill(who, signal.SIGKILL)
        except OSError:
            pass
    return p.sum(-1)
""",
    ),
    "stopped by itself": (
        """
import os, signal
def kl_divergence(p, q):
    os.kill(os.getpid(), signal.SIGSTOP)
""",
    ),
    "limits raised": (
        """
import resource
for name in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE):
    resource.setrlimit(name, (-1, -1))
""",
        WRONG,
    ),
    "namespaces and mounts": (
        """
import ctypes
libc = ctypes.CDLL(None)
assert libc.unshare(0x10000000) == 0 or True
libc.mount(b'none', b'/mnt', b'tmpfs', 0, None)
libc.chroot(b'/proc/1/root')
""",
        WRONG,
    ),
    "check forged": (
        """
import course_gan.check as c
c.given = {'kl-divergence': lambda p, q: True}
c.check('kl-divergence', lambda p, q: True)
""",
        WRONG,
    ),
    "the stub of the notebook": (
        """
def kl_divergence(p, q):
    raise NotImplementedError('your turn')
""",
    ),
    "nothing at all": (),
    "secrets in an exception": (
        """
def kl_divergence(p, q):
    raise ValueError('LEAK ' + str(p.flatten().tolist()))
""",
    ),
    "secrets in a class's name": (
        """
def kl_divergence(p, q):
    raise type('LEAK' + repr(float(p.flatten()[0])), (Exception,), {})()
""",
    ),
    "secrets in what is returned": (
        """
def kl_divergence(p, q):
    return type('LEAK' + repr(float(p.flatten()[0])), (), {})()
""",
    ),
    "secrets in the parameters": (
        """
def kl_divergence(LEAK, *, LEAK2):
    return 1
""",
    ),
    "an exception that cannot be shown": (
        """
class Odd(Exception):
    def __str__(self):
        raise RuntimeError
    __repr__ = __str__
def kl_divergence(p, q):
    raise Odd
""",
    ),
    "settings of the machine": (
        """
import glob, os
opened = []
for name in glob.glob('/proc/sys/**', recursive=True) + glob.glob('/proc/*'):
    try:
        if os.path.isfile(name):
            os.close(os.open(name, os.O_WRONLY))
            opened.append(name)
    except OSError:
        pass
def kl_divergence(p, q):
    raise (BufferError if opened else ValueError)(str(opened))
""",
    ),
    "the environment of the grader": (
        """
import glob
found = ''.join(open(name).read() for name in glob.glob('/proc/[0-9]*/environ'))
raise ValueError(found)
""",
        WRONG,
    ),
    "a problem in one's own words": (
        REWRITTEN
        + """
import course_gan.exercises.observe as o
o.observe_call = lambda call, function, given: o.Outcome(problem='LEAK ' + str(given))
""",
        WRONG,
    ),
    "one memory named a thousand times": (
        REWRITTEN
        + """
whole = {'tensor': ['uint8', [60 << 20], 0, 60 << 20]}
rewritten['_observed'] = lambda function, request, reply: (
    reply.body.extend(bytes(60 << 20)), {'answer': {'list': [whole] * 1000}})[1]
""",
        WRONG,
    ),
    "a position that is none": (
        REWRITTEN
        + """
rewritten['_observed'] = lambda *a: {'answer': {'float': 1}, 'changed': [50]}
""",
        WRONG,
    ),
    "a number that overflows": (
        REWRITTEN
        + """
rewritten['_observed'] = lambda *a: {'answer': {'float': 10**400}}
""",
        WRONG,
    ),
    "an empty tensor of a shape that overflows": (
        REWRITTEN
        + """
rewritten['_observed'] = lambda *a: {'answer': {'tensor': ['float64', [0, 1 << 39, 1 << 39], 0, 0]}}
""",
        WRONG,
    ),
    "thousands of parts": (
        REWRITTEN
        + """
rewritten['_observed'] = lambda *a: {'answer': {'tuple': [{'tuple': []}] * 60_000}}
""",
        WRONG,
    ),
    "frames without end": (
        """
import fcntl, os, stat
pipes = [d for d in range(3, 30) if os.path.exists(f'/proc/self/fd/{d}') and stat.S_ISFIFO(os.fstat(d).st_mode)]
pipes = [d for d in pipes if fcntl.fcntl(d, fcntl.F_GETFL) & os.O_WRONLY]
def kl_divergence(p, q):
    head = b'{"running": 1}'
    frames = (len(head).to_bytes(4, 'little') + bytes(8) + head) * 4000
    while True:
        os.write(pipes[0], frames)
""",
    ),
}
