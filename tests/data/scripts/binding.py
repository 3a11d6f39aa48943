"""A CTP program over any Python binding, told what to do line by line: ``binding.py BINDING``.

It knows nothing of ctp2. ``BINDING`` is what it imports: ``openctp_ctp``, ``ctp`` (ctp-python), or ``ctp2``, which has
the face of the first. Each line of its input is a JSON object with ``do``; each callback is a line of its output with
every member of every struct, read inside the callback, as the binding shows it. A line's ``api`` is a name of the test's
choice; an Api may be of another ``binding`` than the first.

=========  ==========================================================================================================
create     make an Api of ``kind`` (of ``binding``) with ``arguments`` and a Spi
call       call ``name`` with ``arguments``; its result is a line of output
when       call the like of ``call`` inside the next callback named ``callback``
members    tell the members of ``struct``
raise      raise an exception inside the next callback named ``callback``, after it was told
fork       fork; the child calls ``name`` as ``call`` does and ends, 0 if it got -1
quiet      from now on callbacks are read and no more told
end        return from the main thread, whatever else is going on
=========  ==========================================================================================================

An argument is a plain value, ``{"struct": NAME, "set": {MEMBER: VALUE}}``, or ``{"bytes": HEX}``.
"""

import importlib
import json
import os
import sys
import threading

_WRITING = threading.Lock()


def tell(**said):
    # Not through a buffer of Python's: a thread that holds one when the interpreter ends would abort the process.
    data = (json.dumps(said) + "\n").encode()
    with _WRITING:
        while data:
            data = data[os.write(1, data) :]


def members_of(struct):
    """The names of a struct's members: properties of a SWIG class, fields of ctp2's."""
    if hasattr(struct, "__struct_fields__"):
        return list(struct.__struct_fields__)
    return [name for name, what in vars(struct).items() if isinstance(what, property) and name != "thisown"]


def shown(value):
    """A value of a callback as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if type(value).__name__ == "SwigPyObject":
        return {"opaque": True}
    members = {name: shown(getattr(value, name)) for name in members_of(type(value))}
    return {"struct": type(value).__name__, "has": members}


class Program:
    def __init__(self, binding):
        self.binding = binding
        self.load(binding)
        self.apis = {}
        self.modules = {}
        self.spis = {}
        self.waiting = {}
        self.quiet = False
        self.seen = 0

    @staticmethod
    def load(binding):
        """The modules of a binding, by kind."""
        package = importlib.import_module(binding)
        if binding == "ctp":
            return {"trader": package, "md": package}
        return {"trader": package.tdapi, "md": package.mdapi}

    def argument(self, value, module):
        if isinstance(value, dict) and "bytes" in value:
            return bytes.fromhex(value["bytes"])
        if isinstance(value, dict):
            struct = getattr(module, value["struct"])()
            for name, one in value["set"].items():
                setattr(struct, name, self.argument(one, module))
            return struct
        if isinstance(value, list):
            return [self.argument(one, module) for one in value]
        return value

    def spi(self, api, kind, module):
        base = getattr(module, {"trader": "CThostFtdcTraderSpi", "md": "CThostFtdcMdSpi"}[kind])

        def callback(name):
            def called(spi, *arguments):
                if self.quiet:
                    # As a strategy would: look at something of each.
                    self.seen += len([shown(one) for one in arguments])
                    return
                tell(api=api, callback=name, thread=threading.get_ident(), arguments=[shown(one) for one in arguments])
                for line in self.waiting.pop((api, name), ()):
                    if line["do"] == "raise":
                        raise RuntimeError("as a program's bug would")
                    self.call(line)

            return called

        names = [name for name in dir(base) if name.startswith("On")]
        return type("Spi", (base,), {name: callback(name) for name in names})()

    def create(self, line):
        kind = line["kind"]
        name, factory = {
            "trader": ("CThostFtdcTraderApi", "CreateFtdcTraderApi"),
            "md": ("CThostFtdcMdApi", "CreateFtdcMdApi"),
        }[kind]
        module = self.modules[line["api"]] = self.load(line.get("binding", self.binding))[kind]
        made_by = getattr(module, name)
        api = self.apis[line["api"]] = getattr(made_by, factory)(*line["arguments"])
        spi = self.spis[line["api"]] = self.spi(line["api"], kind, module)
        api.RegisterSpi(spi)
        tell(api=line["api"], created=made_by.GetApiVersion())

    def called(self, line):
        module = self.modules[line["api"]]
        arguments = [self.argument(one, module) for one in line["arguments"]]
        return getattr(self.apis[line["api"]], line["name"])(*arguments), arguments

    def call(self, line):
        result, arguments = self.called(line)
        shows = [shown(one) for one in arguments] if line.get("shows") else []
        tell(api=line["api"], called=line["name"], number=line.get("number", 0), result=shown(result), arguments=shows)

    def when(self, line):
        self.waiting.setdefault((line["api"], line["callback"]), []).append(line)

    def fork(self, line):
        pid = os.fork()
        if pid == 0:
            sys.exit(0 if self.called(line)[0] == -1 else 9)
        _, status = os.waitpid(pid, 0)
        tell(api=line["api"], forked=os.waitstatus_to_exitcode(status))

    def members(self, line):
        tell(members=members_of(getattr(self.load(self.binding)[line["kind"]], line["struct"])))

    def run(self):
        for text in sys.stdin:
            line = json.loads(text)
            if line["do"] == "end":
                return
            if line["do"] == "quiet":
                self.quiet = True
            else:
                getattr(self, {"raise": "when"}.get(line["do"], line["do"]))(line)


if __name__ == "__main__":
    Program(sys.argv[1]).run()
