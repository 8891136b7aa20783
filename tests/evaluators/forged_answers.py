r"""Answers that try to pass tests without computing anything; all tests call `f`.

FORGERIES["exits at once"]      "import os\nos._exit(0)"
"""

FORGERIES = {
    "exits": """\
import sys
sys.exit(0)
""",
    "exits at once": """\
import os
os._exit(0)
""",
    "exits in the function": """\
import os
def f(x): os._exit(0)
""",
    "raises SystemExit in the function": """\
def f(x): raise SystemExit(0)
""",
    "prints the verdict": """\
print('passed')
def f(x):
    print('passed')
    print('["passed", ""]')
""",
    "equal to everything": """\
class Same:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = object.__hash__
def f(x): return Same()
""",
    "equal number": """\
class Same(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = object.__hash__
def f(x): return Same()
""",
    "equal float": """\
class Same(float):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = object.__hash__
def f(x): return Same()
""",
    "equal text": """\
class Same(str):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = object.__hash__
def f(x): return Same()
""",
    "equal list": """\
class Same(list):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = object.__hash__
def f(x): return Same()
""",
    "equal mapping": """\
class Same(dict):
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = object.__hash__
def f(x): return Same()
""",
    "mock that equals everything": """\
from unittest.mock import ANY
def f(x): return ANY
""",
    "magic mock": """\
from unittest.mock import MagicMock
f = MagicMock()
f.return_value.__eq__ = lambda *_: True
""",
    "arithmetic of its own": """\
class N:
    def __sub__(self, other): return 0
    __rsub__ = __add__ = __mul__ = __sub__
    def __abs__(self): return 0
    def __lt__(self, other): return True
    __gt__ = __le__ = __ge__ = __lt__
    def __round__(self, n=0): return self
    def __eq__(self, other): return True
    def __contains__(self, other): return True
def f(x): return N()
""",
    "says it is an int": """\
class N:
    __class__ = int
    def __eq__(self, other): return True
def f(x): return N()
""",
    "metaclass": """\
class M(type):
    def __eq__(self, other): return True
    __hash__ = type.__hash__
class f(metaclass=M):
    def __init__(self, x): pass
    def __eq__(self, other): return True
""",
    "no assertions": """\
import builtins
builtins.AssertionError = SystemExit
class AssertionError(Exception): pass
def f(x): return None
""",
    "no comparisons": """\
import builtins, operator
builtins.abs = builtins.len = lambda x: 0
operator.eq = lambda a, b: True
def f(x): return None
""",
    "built-in functions of its own": """\
abs = len = sorted = round = lambda *a, **k: 0
def f(x): return None
""",
    "module of its own": """\
class math:
    isclose = staticmethod(lambda *a, **k: True)
def f(x): return None
""",
    "module in sys.modules": """\
import sys, types
m = types.ModuleType('math')
m.isclose = lambda *a, **k: True
sys.modules['math'] = m
def f(x): return None
""",
    "check of its own": """\
def check(candidate): pass
def run_tests(job): pass
def f(x): return None
""",
    "reads frames": """\
import sys
def f(x):
    frame = sys._getframe()
    while frame:
        for value in [*frame.f_locals.values(), *frame.f_globals.values()]:
            if isinstance(value, dict) and 'tests' in value: return value['tests']
        frame = frame.f_back
""",
    "reads all objects": """\
import gc
def f(x):
    for thing in gc.get_objects():
        if isinstance(thing, dict) and 'SECRET = 8' in repr(thing):
            return 8
""",
    "reads all files": """\
import os
def f(x):
    for folder, _, names in os.walk('/tmp'):
        for name in names:
            text = open(os.path.join(folder, name)).read()
            if 'assert' in text: return 8
""",
    "reads its stdin": """\
import sys
TESTS = sys.stdin.read()
def f(x):
    if 'assert' in TESTS: return 8
""",
    "writes a verdict into all files": """\
from workbench.box.plain_values import encode
import os
def write(data):
    for number in range(64):
        try: os.write(number, data)
        except OSError: pass
write(encode(['passed', '']))
def f(x): write(encode(['passed', '']))
""",
    "writes messages into all files": """\
from workbench.box.plain_values import encode
import os
def write(data):
    for number in range(64):
        try: os.write(number, data)
        except OSError: pass
def frame(value):
    data = encode(value)
    return len(data).to_bytes(8, 'little') + data
write(frame(['value', None, []]) * 9)
def f(x): write(frame(['passed', '']))
""",
    "closes all files": """\
import os
os.closerange(0, 64)
def f(x): return 8
""",
    "sends an error that passes": """\
from workbench.box.plain_values import encode
import os
def write(data):
    for number in range(64):
        try: os.write(number, data)
        except OSError: pass
def frame(value):
    data = encode(value)
    return len(data).to_bytes(8, 'little') + data
write(frame(['raised', ['Passed', 'StopIteration'], 'passed', 1]))
""",
    "kills its parent": """\
import os
os.kill(os.getppid(), 9)
os._exit(0)
""",
    "kills everything": """\
import os
os.kill(-1, 9)
os._exit(0)
""",
    "at exit": """\
import atexit, os
atexit.register(lambda: os.write(1, b'passed'))
raise SystemExit(0)
""",
    "thread": """\
import threading, os, time
def end():
    time.sleep(0.2)
    os._exit(0)
threading.Thread(target=end).start()
def f(x):
    while True: pass
""",
    "child process": """\
import os
if os.fork() == 0:
    print('passed')
    os._exit(0)
def f(x): return None
""",
    "signal handler": """\
import signal, os
signal.signal(signal.SIGALRM, lambda *_: os._exit(0))
signal.setitimer(signal.ITIMER_REAL, 0.1)
def f(x):
    while True: pass
""",
    "writes to memory": """\
import ctypes
def f(x):
    ctypes.memset(id(4) + 24, 8, 1)
    ctypes.memset(id(8) + 24, 4, 1)
    return 4
""",
    "replaces the server": """\
import sys
for module in list(sys.modules.values()):
    if getattr(module, '__name__', '').startswith('workbench'):
        for name in list(vars(module)):
            if callable(vars(module)[name]): setattr(module, name, lambda *a, **k: True)
def f(x): return None
""",
    "skips": """\
import unittest
def f(x): raise unittest.SkipTest('skip')
""",
    "asserts nothing with -O": """\
import sys
sys.flags = type('flags', (), {'optimize': 2})
__debug__ if True else 0
def f(x): return None
""",
    "changes its argument": """\
def f(x):
    try: x.clear()
    except AttributeError: pass
    return None
""",
    "returns its handle": """\
def f(x): return f
""",
    "iterates over equals": """\
class Same:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    __hash__ = object.__hash__
def f(x):
    while True: yield Same()
""",
}
