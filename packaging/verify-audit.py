#!/usr/bin/env python3
"""Verifies a Qitai audit package or evidence package offline.  离线校验企台审计证据包与会话证据包。

    python3 verify-audit.py PACKAGE.zip [--vkey KEY] [--anchor FILE]... [--json]

Written from audit-format.md and evidence-format.md alone; shares no code with Qitai. Needs
Python 3.9 or newer and nothing else.

Exit code: 0 good, 1 altered (what is bad first is named), 2 unreadable.
"""

import argparse
import base64
import hashlib
import io
import json
import re
import sys
import zipfile
import zlib

CHUNK = 4096
FILES_MAX = 100_000
LINE_MAX = 16 << 20
RATIO_BYTES = 1 << 20
RATIO_MAX = 200
NOTE_MAX = 64 << 10
KEY_MAX = 4096
SMALL_MAX = 64 << 20
SEARCH = 256
PROBLEMS_MAX = 50
U64 = 1 << 64

NAMES = re.compile(
    r"README\.txt|audit-format\.md|genesis\.vkey|openings\.jsonl|MANIFEST\.json"
    r"|entries/[0-9]{8}\.jsonl|hashes/[0-9]{8}\.bin|checkpoints/(?:0|[1-9][0-9]{0,19})\.note"
)
EVIDENCE_NAMES = re.compile(
    r"README\.txt|(?:evidence|audit)-format\.md|case\.json|(?:conversations|people|readers|consents|media|deletions)\.jsonl"
    r"|messages\.jsonl|message-proofs\.jsonl|index\.html|CONTENTS\.json|entries\.jsonl"
    r"|entry-proofs\.jsonl|checkpoint\.note|log\.vkey|MANIFEST\.json|media/[0-9a-f]{64}\.[0-9a-z]{1,8}"
)
SHARED_NAMES = ("README.txt", "audit-format.md", "MANIFEST.json")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
HEX64 = re.compile(rb"[0-9a-f]{64}")


class Unreadable(Exception):
    """The file is not a package of this format."""


# --- hashing and the tree -----------------------------------------------------------------


def sha256(data):
    return hashlib.sha256(data).digest()


def leaf_hash(line):
    return sha256(b"\x00" + line)


def node_hash(left, right):
    return sha256(b"\x01" + left + right)


class Tree:
    """The roots of the complete subtrees that make up the tree so far, largest first."""

    def __init__(self):
        self.size = 0
        self.roots = []

    def push(self, leaf):
        merged = self.size
        while merged & 1:
            leaf = node_hash(self.roots.pop(), leaf)
            merged >>= 1
        self.roots.append(leaf)
        self.size += 1

    def root(self):
        if not self.roots:
            return sha256(b"")
        result = self.roots[-1]
        for left in reversed(self.roots[:-1]):
            result = node_hash(left, result)
        return result


# --- Ed25519 (RFC 8032) ------------------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def point_add(a, b):
    x1, y1, z1, t1 = a
    x2, y2, z2, t2 = b
    e = (y1 - x1) * (y2 - x2) % P
    f = (y1 + x1) * (y2 + x2) % P
    g = 2 * t1 * t2 * D % P
    h = 2 * z1 * z2 % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_mul(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = point_add(result, point)
        point = point_add(point, point)
        scalar >>= 1
    return result


def point_decode(data):
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_M1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def point_encode(point):
    x, y, z, _ = point
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = point_decode((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_verify(key, signature, message):
    if len(signature) != 64:
        return False
    point = point_decode(key)
    s = int.from_bytes(signature[32:], "little")
    if point is None or s >= ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + key + message).digest()
    h = int.from_bytes(digest, "little") % ORDER
    x, y, z, t = point
    negative = (P - x, y, z, P - t)
    found = point_add(point_mul(s, BASE), point_mul(h, negative))
    return point_encode(found) == signature[:32]


# --- keys and checkpoints -----------------------------------------------------------------


def base64_strict(text):
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        return None
    return data if base64.b64encode(data).decode() == text else None


class Key:
    def __init__(self, name, public):
        self.name = name
        self.public = public
        self.id = sha256(name.encode() + b"\n\x01" + public)[:4]

    def text(self):
        tagged = base64.b64encode(b"\x01" + self.public).decode()
        return f"{self.name}+{self.id.hex()}+{tagged}"

    @staticmethod
    def parse(text):
        parts = text.split("+", 2)
        if len(parts) != 3 or not parts[0]:
            return None
        tagged = base64_strict(parts[2])
        if tagged is None or len(tagged) != 33 or tagged[0] != 1:
            return None
        key = Key(parts[0], tagged[1:])
        return key if key.text() == text else None


class Checkpoint:
    def __init__(self, origin, size, root):
        self.origin = origin
        self.size = size
        self.root = root
        self.signatures = []

    def body(self):
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @staticmethod
    def parse_body(text):
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            return None
        if not re.fullmatch(r"0|[1-9][0-9]{0,19}", lines[1], re.ASCII):
            return None
        root = base64_strict(lines[2])
        if int(lines[1]) >= U64 or root is None or len(root) != 32:
            return None
        return Checkpoint(lines[0], int(lines[1]), root)

    @staticmethod
    def parse(text):
        body, empty, rest = text.partition("\n\n")
        if not empty or not rest.endswith("\n"):
            return None
        checkpoint = Checkpoint.parse_body(body + "\n")
        if checkpoint is None:
            return None
        for line in rest[:-1].split("\n"):
            name, blank, signature = line[2:].partition(" ")
            signature = base64_strict(signature)
            if not line.startswith("\u2014 ") or not blank or signature is None:
                return None
            checkpoint.signatures.append((name, signature))
        return checkpoint

    def is_signed_by(self, key):
        body = self.body().encode()
        return any(
            name == key.name
            and signature[:4] == key.id
            and ed25519_verify(key.public, signature[4:], body)
            for name, signature in self.signatures
        )


# --- JSON ---------------------------------------------------------------------------------


FIELDS = ("v seq t actor role for act obj origin req outcome c new").split()
TEXTS = ("t actor role for act origin req outcome new").split()
COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
PRETTY = json.JSONEncoder(ensure_ascii=False, indent=2).encode


def parse_json(data, encode):
    """The value, or None if the bytes are not exactly what `encode` writes. A field that
    stands twice is found that way too."""
    try:
        value = json.loads(data.decode("utf-8"))
        return value if encode(value).encode("utf-8") == data else None
    except (ValueError, RecursionError):
        return None


def is_number(value):
    return type(value) is int and 0 <= value < U64


def is_text(value):
    return type(value) is str


def is_texts(value):
    return type(value) is list and all(is_text(item) for item in value)


def parse_entry(line):
    """The entry as a dict, or None if the line is not canonical."""
    entry = parse_json(line, COMPACT)
    if type(entry) is not dict:
        return None
    if list(entry) != [f for f in FIELDS if f in entry or f not in ("for", "new")]:
        return None
    if not (is_number(entry["v"]) and entry["v"] < 1 << 32 and is_number(entry["seq"])):
        return None
    if not all(is_text(entry[field]) for field in TEXTS if field in entry):
        return None
    obj, c = entry["obj"], entry["c"]
    counted = type(obj) is dict and list(obj) == ["n"] and is_number(obj["n"])
    if not (is_texts(obj) or counted):
        return None
    if type(c) is not dict or not all(is_text(value) for value in c.values()):
        return None
    return entry if list(c) == sorted(c, key=str.encode) else None


def parse_opening(line):
    opening = parse_json(line, COMPACT)
    if type(opening) is not dict or list(opening) != ["seq", "f", "salt", "v"]:
        return None
    good = is_number(opening["seq"]) and all(is_text(opening[f]) for f in ("f", "salt", "v"))
    return opening if good else None


def opens(opening, entry):
    if not re.fullmatch(r"[0-9a-fA-F]{64}", opening["salt"]):
        return False
    salt = bytes.fromhex(opening["salt"])
    data = salt + opening["f"].encode() + b"\x00" + opening["v"].encode()
    return entry["c"].get(opening["f"]) == hashlib.sha256(data).hexdigest()


def parse_manifest(data):
    manifest = parse_json(data[:-1], PRETTY) if data.endswith(b"\n") else None
    fields = "format v product origin created size range filters clear hashed openings checkpoints files"
    if type(manifest) is not dict or list(manifest) != fields.split():
        return None
    numbers = ("v", "size", "clear", "hashed", "openings", "checkpoints")
    texts = ("format", "product", "origin", "created")
    if not all(is_number(manifest[f]) for f in numbers):
        return None
    if not all(is_text(manifest[f]) for f in texts) or not is_texts(manifest["filters"]):
        return None
    span, files = manifest["range"], manifest["files"]
    if type(span) is not dict or list(span) != ["from", "to"]:
        return None
    if not all(is_number(n) for n in span.values()) or type(files) is not list:
        return None
    for file in files:
        if type(file) is not dict or list(file) != ["path", "bytes", "sha256"]:
            return None
        if not (is_text(file["path"]) and is_number(file["bytes"]) and is_text(file["sha256"])):
            return None
    good = manifest["format"] == "qitai-audit-package" and manifest["v"] == 1
    return manifest if good else None


# --- the ZIP file ---------------------------------------------------------------------------


class Digesting:
    """Reads lines of a file of the package and takes its digest."""

    def __init__(self, package, name):
        self.package, self.name = package, name
        self.file = io.BufferedReader(package.zip.open(name), 1 << 16)
        self.hash, self.bytes = hashlib.sha256(), 0

    def line(self):
        """The next line with its end if it has one; empty at the end."""
        line = self.file.readline(LINE_MAX + 2)
        self.hash.update(line)
        self.bytes += len(line)
        if len(line) - line.endswith(b"\n") > LINE_MAX:
            raise Unreadable(f"{self.name} has a line too long")
        return line

    def finish(self):
        while True:
            block = self.file.read(1 << 16)
            if not block:
                break
            self.hash.update(block)
            self.bytes += len(block)
        self.package.digests[self.name] = (self.bytes, self.hash.hexdigest())


BEYOND = 0xFFFFFFFF


def number(data, at, width):
    return int.from_bytes(data[at : at + width], "little")


def take(raw, length):
    data = raw.read(length)
    if len(data) != length:
        raise Unreadable("it is cut off")
    return data


class Entry:
    """What the directory says of a file, and what stands around its content therefore."""

    def __init__(self, directory):
        head = take(directory, 46)
        flags = number(head, 8, 2)
        plain = (
            head[:4] == b"PK\x01\x02"
            and head[4:6] == bytes([head[6], 3])
            and head[32:42] == bytes(6) + (0o100644 << 16).to_bytes(4, "little")
            and flags in (0, 8)
        )
        self.how, self.sums, self.name_length = head[6:16], head[16:28], head[28:30]
        self.name = take(directory, number(head, 28, 2))
        extra = take(directory, number(head, 30, 2))
        fields = [number(head, at, 4) for at in (24, 20, 42)]
        beyond = fields.count(BEYOND)
        if beyond:
            plain = plain and extra[:4] == bytes([1, 0, beyond * 8, 0])
            extra = extra[4:]
        plain = plain and (fields[0] == BEYOND) == (fields[1] == BEYOND)
        if not plain or len(extra) != beyond * 8:
            raise Unreadable("its directory is not of the format")
        large = iter([number(extra, at, 8) for at in range(0, len(extra), 8)])
        self.large, self.streamed = fields[0] == BEYOND, flags == 8
        self.whole, self.packed, self.at = [next(large) if f == BEYOND else f for f in fields]

    def header(self):
        sums = bytes(12) if self.streamed else self.sums
        header = b"PK\x03\x04" + self.how + sums + self.name_length
        header += bytes([20 if self.large else 0, 0]) + self.name
        if self.large:
            sizes = (0, 0) if self.streamed else (self.whole, self.packed)
            header += bytes([1, 0, 16, 0]) + b"".join(s.to_bytes(8, "little") for s in sizes)
        return header

    def descriptor(self):
        if not self.streamed:
            return b""
        if not self.large:
            return b"PK\x07\x08" + self.sums
        sizes = self.packed.to_bytes(8, "little") + self.whole.to_bytes(8, "little")
        return b"PK\x07\x08" + self.sums[:4] + sizes


def directory_of(raw):
    """Where the directory begins and ends, and how many files it has."""
    wrong = Unreadable("it has bytes before or behind the ZIP")
    end = raw.seek(0, io.SEEK_END) - 22
    if end < 0:
        raise wrong
    raw.seek(end)
    tail = take(raw, 22)
    if tail[:8] != b"PK\x05\x06" + bytes(4) or tail[8:10] != tail[10:12] or tail[20:] != bytes(2):
        raise wrong
    fields = [number(tail, 10, 2), number(tail, 12, 4), number(tail, 16, 4)]
    most = [0xFFFF, BEYOND, BEYOND]
    found = fields
    if end >= 76 and any(f == m for f, m in zip(fields, most)):
        raw.seek(end - 76)
        record = take(raw, 76)
        if record[56:60] == b"PK\x06\x07":
            end -= 76
            head = b"PK\x06\x06" + (44).to_bytes(8, "little") + bytes([45, 0, 45, 0]) + bytes(8)
            place = bytes(4) + end.to_bytes(8, "little") + bytes([1, 0, 0, 0])
            if record[:24] != head or record[24:32] != record[32:40] or record[60:] != place:
                raise Unreadable("its end is not of the format")
            found = [number(record, at, 8) for at in (32, 40, 48)]
    agrees = all(f in (m, real) for f, m, real in zip(fields, most, found))
    count, size, start = found
    if not agrees or start + size != end:
        raise wrong
    return start, end, count


def check_layout(path):
    """Header, content and descriptor of each file lie behind those of the one before it, then
    the directory, then its end. Every byte around the contents follows from the directory."""
    with open(path, "rb") as raw, open(path, "rb") as directory:
        start, end, count = directory_of(raw)
        directory.seek(start)
        at = 0
        for _ in range(count):
            entry = Entry(directory)
            if entry.at != at:
                raise Unreadable("it has bytes between its files, or files over each other")
            at = expect(raw, at, entry.header()) + entry.packed
            if at > start:
                raise Unreadable("a file reaches into the directory")
            at = expect(raw, at, entry.descriptor())
        if at != start or directory.tell() != end:
            raise Unreadable("it has bytes between its files and its directory")


def expect(raw, at, data):
    """The place behind these bytes, which must stand there."""
    raw.seek(at)
    if take(raw, len(data)) != data:
        raise Unreadable("what stands around a file is not what the directory says")
    return at + len(data)


class Package:
    def __init__(self, path, names=NAMES, ratio_max=RATIO_MAX):
        self.digests = {}
        self.zip = zipfile.ZipFile(path)
        infos = self.zip.infolist()
        if len(infos) > FILES_MAX:
            raise Unreadable("it has too many files")
        if self.zip.comment:
            raise Unreadable("it has bytes before or behind the ZIP")
        self.names = [info.orig_filename for info in infos]
        if len(set(self.names)) != len(self.names):
            raise Unreadable("it holds a file twice")
        for info in infos:
            if not names.fullmatch(info.orig_filename) or info.filename != info.orig_filename:
                raise Unreadable("it holds a file that is not part of the format")
            if info.flag_bits & 1 or info.compress_type not in (0, 8):
                raise Unreadable("it is encrypted or compressed in another way")
            small = info.file_size <= RATIO_BYTES or ratio_max is None
            if not small and info.file_size > info.compress_size * ratio_max:
                raise Unreadable("a file in it unpacks to far more than it can hold")
        check_layout(path)

    def numbered(self, folder):
        names = sorted(name for name in self.names if name.startswith(folder + "/"))
        return names

    def whole(self, name, limit):
        limit = min(limit, SMALL_MAX)
        with self.zip.open(name) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise Unreadable(f"{name} is too large")
        self.digests[name] = (len(data), hashlib.sha256(data).hexdigest())
        return data


class HashList:
    """Leaf hashes by position; four files of them in memory at most."""

    def __init__(self, package, sizes):
        self.package = package
        self.names = package.numbered("hashes")
        self.cache = {}
        self.count = 0
        self.roots = {}
        expected = [f"hashes/{number:08}.bin" for number in range(len(self.names))]
        tree, sizes = Tree(), set(sizes)
        wrong = Unreadable("its list of hashes is not of the format")
        if self.names != expected:
            raise wrong
        for number in range(len(self.names)):
            data = self.file(number)
            last = number + 1 == len(self.names)
            if len(data) % 32 or not data or (len(data) != CHUNK * 32 and not last):
                raise wrong
            for at in range(0, len(data), 32):
                tree.push(data[at : at + 32])
                if tree.size in sizes:
                    self.roots[tree.size] = tree.root()
        self.count = tree.size

    def file(self, number):
        if number not in self.cache:
            if len(self.cache) == 4:
                del self.cache[next(iter(self.cache))]
            self.cache[number] = self.package.whole(self.names[number], CHUNK * 32)
        return self.cache[number]

    def get(self, position):
        if position >= self.count:
            return None
        at = position % CHUNK * 32
        return self.file(position // CHUNK)[at : at + 32]


# --- the walk -------------------------------------------------------------------------------


class Line:
    def __init__(self, line):
        self.hash = self.entry = None
        self.hidden = line.startswith(b"#")
        if not line.endswith(b"\n"):
            self.hidden = False
            return
        line = line[:-1]
        if self.hidden:
            if HEX64.fullmatch(line[1:]):
                self.hash = bytes.fromhex(line[1:].decode())
        else:
            self.hash = leaf_hash(line)
            self.entry = parse_entry(line)

    def seq(self):
        return None if self.entry is None else self.entry["seq"]


class Openings:
    def __init__(self, package):
        self.file = Digesting(package, "openings.jsonl")
        self.count, self.next, self.malformed = 0, None, False
        self.advance()

    def advance(self):
        self.next = None
        line = self.file.line()
        if line:
            self.count += 1
            if line.endswith(b"\n"):
                self.next = parse_opening(line[:-1])
            self.malformed = self.next is None

    def fit(self, seq, entry):
        seen = set()
        while self.next is not None:
            if self.next["seq"] > seq:
                return True
            opening, self.next = self.next, None
            good = opening["seq"] == seq and entry is not None and opens(opening, entry)
            if not good or opening["f"] in seen:
                return False
            seen.add(opening["f"])
            self.advance()
        return not self.malformed

    def finish(self):
        while self.file.line():
            self.count += 1
        self.file.finish()


class Walk:
    def __init__(self, package, hashes, manifest):
        self.package, self.hashes, self.manifest = package, hashes, manifest
        self.openings = Openings(package)
        self.first = None
        self.lines = self.clear = self.commitments = 0
        self.rotations = []
        self.newest = ""

    def run(self):
        waiting = None
        for name in self.package.numbered("entries"):
            file = Digesting(self.package, name)
            while True:
                raw = file.line()
                if not raw:
                    break
                line = Line(raw)
                if waiting is not None:
                    self.line(waiting, line)
                waiting = line
            file.finish()
        if waiting is not None:
            self.line(waiting, None)
        if self.first is None and self.lines < self.hashes.count:
            self.first = (self.lines, "missing")
        self.left_over = self.openings.next is not None or self.openings.malformed
        self.openings.finish()

    def line(self, line, following):
        position = self.lines
        self.lines += 1
        entry = line.entry
        if entry is not None:
            self.clear += 1
            self.commitments += len(entry["c"])
            if entry["act"] == "audit.key.rotate" and "new" in entry:
                key = Key.parse(entry["new"])
                if key is not None:
                    self.rotations.append((entry["seq"], key))
        if self.first is None:
            fault = self.fault(position, line, following)
            if fault is not None:
                self.first = (position, fault)

    def fault(self, position, line, following):
        if not self.fits(line, position):
            return self.misplaced(position, line, following)
        entry = line.entry
        if line.hidden:
            span = self.manifest["range"]
            if not self.manifest["filters"] and span["from"] <= position < span["to"]:
                return "withheld"
        elif entry is None:
            return "malformed"
        else:
            if not TIME.fullmatch(entry["t"]) or entry["t"] < self.newest:
                return "time"
            if (entry["act"] == "audit.key.rotate") != ("new" in entry):
                return "malformed"
            if "new" in entry and Key.parse(entry["new"]) is None:
                return "malformed"
            self.newest = entry["t"]
        return None if self.openings.fit(position, entry) else "opening"

    def has_hash(self, line, position):
        return line.hash is not None and self.hashes.get(position) == line.hash

    def fits(self, line, position):
        return self.has_hash(line, position) and line.seq() in (None, position)

    def misplaced(self, position, line, following):
        following_fits_after = following is not None and self.fits(following, position + 1)
        if following is not None and self.fits(following, position):
            return "reordered" if self.fits(line, position + 1) else "added"
        seq = line.seq()
        if seq is not None:
            later = seq > position and self.has_hash(line, seq)
        else:
            later = any(self.has_hash(line, position + 1 + i) for i in range(SEARCH))
        if later:
            return "reordered" if following_fits_after else "missing"
        if position >= self.hashes.count:
            return "added"
        if self.has_hash(line, position):
            if seq is not None and seq < position:
                return "added"
            if following is not None and following.seq() == position:
                return "reordered"
            return "missing"
        return "altered"


# --- the verdict ----------------------------------------------------------------------------


class Judged:
    """What checkpoints and anchors say together."""

    def __init__(self, heads, anchors, origin, roots, keys):
        self.trusted = self.anchored = self.newest = 0
        self.bad_anchor = None
        self.bad = []
        covered = 0
        for size, name, checkpoint in heads:
            fault = self.fault(size, checkpoint, covered, origin, roots, keys)
            if fault is None:
                self.trusted = size
            else:
                self.bad.append((name, fault))
            covered = self.newest = size
        for anchor in anchors:
            if anchor.origin == origin and roots.get(anchor.size) == anchor.root:
                self.anchored = max(self.anchored, anchor.size)
            elif self.bad_anchor is None or anchor.size < self.bad_anchor:
                self.bad_anchor = anchor.size
        self.trusted = max(self.trusted, self.anchored)
        self.next = next((size for size, _, _ in heads if size > self.trusted), None)

    @staticmethod
    def fault(size, checkpoint, covered, origin, roots, keys):
        if checkpoint is None or checkpoint.size != size or checkpoint.origin != origin:
            return "malformed"
        if size not in roots:
            return "beyond"
        if roots[size] != checkpoint.root:
            return "root"
        first = 0
        for at, (since, _) in enumerate(keys):
            if since < covered:
                first = at
        needed = [key for since, key in keys[first:] if since < size]
        return None if all(checkpoint.is_signed_by(key) for key in needed) else "signature"


def first_bad(walk, judged, hashed):
    trusted = judged.trusted
    to = max(judged.next if judged.next is not None else max(hashed, trusted + 1), 1) - 1

    def within(seq, fault):
        exact = seq < trusted
        start, stop = (seq, seq) if exact else (trusted, max(to, seq))
        return {"seq": seq, "fault": fault, "exact": exact, "from": start, "to": stop}

    if walk.first is not None:
        return within(*walk.first)
    if judged.newest > hashed:
        return within(hashed, "missing")
    if trusted < judged.newest and any(fault == "root" for _, fault in judged.bad):
        return within(trusted, "altered")
    if trusted < hashed:
        return within(trusted, "unproven")
    if judged.bad_anchor is None:
        return within(hashed, "opening") if walk.left_over else None
    beyond = judged.bad_anchor > hashed
    agreed = judged.anchored if judged.anchored < judged.bad_anchor else 0
    seq, fault = (hashed, "missing") if beyond else (agreed, "altered")
    to = max(judged.bad_anchor, 1) - 1
    return {"seq": seq, "fault": fault, "exact": False, "from": seq, "to": to}


def manifest_problems(manifest, walk, heads, digests):
    span = manifest["range"]
    counts = {
        "size": manifest["size"] == walk.lines,
        "clear": manifest["clear"] == walk.clear,
        "hashed": manifest["clear"] + manifest["hashed"] == manifest["size"],
        "openings": manifest["openings"] == walk.openings.count,
        "checkpoints": manifest["checkpoints"] == len(heads),
        "range": span["from"] <= span["to"] <= manifest["size"],
    }
    problems = [("manifest.count", what) for what, good in counts.items() if not good]
    unlisted = {name: digest for name, digest in digests.items() if name != "MANIFEST.json"}
    for file in manifest["files"]:
        digest = unlisted.pop(file["path"], None)
        if digest is None:
            problems.append(("file.missing", file["path"]))
        elif digest != (file["bytes"], file["sha256"]):
            problems.append(("file.digest", file["path"]))
    problems += [("file.unlisted", name) for name in sorted(unlisted)]
    return problems


def read_part(package, name, limit, parse):
    data = package.whole(name, limit) if name in package.names else b""
    parsed = parse(data)
    if parsed is None:
        raise Unreadable(f"it has no {name} of the format")
    return parsed


def parse_genesis(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return Key.parse(text[:-1]) if text.endswith("\n") else None


def read_heads(package):
    heads = []
    for name in package.numbered("checkpoints"):
        size = int(name[len("checkpoints/") : -len(".note")])
        if size >= U64:
            raise Unreadable("it holds a file that is not part of the format")
        try:
            checkpoint = Checkpoint.parse(package.whole(name, NOTE_MAX).decode("utf-8"))
        except UnicodeDecodeError:
            checkpoint = None
        heads.append((size, name, checkpoint))
    return sorted(heads, key=lambda head: head[0])


def examine(path, key, anchors):
    package = Package(path)
    manifest = read_part(package, "MANIFEST.json", SMALL_MAX, parse_manifest)
    genesis = read_part(package, "genesis.vkey", KEY_MAX, parse_genesis)
    if "openings.jsonl" not in package.names:
        raise Unreadable("it has no openings.jsonl")
    heads = read_heads(package)
    sizes = [size for size, _, _ in heads] + [anchor.size for anchor in anchors]
    hashes = HashList(package, sizes)
    walk = Walk(package, hashes, manifest)
    walk.run()
    keys = sorted([(0, genesis)] + walk.rotations, key=lambda pair: pair[0])
    judged = Judged(heads, anchors, manifest["origin"], hashes.roots, keys)
    for name in package.names:
        if name not in package.digests:
            package.whole(name, SMALL_MAX)
    vouched = key is not None and any(key.text() == known.text() for _, known in keys)
    problems = []
    if genesis.name != manifest["origin"] or (key is not None and not vouched):
        problems.append(("key", "genesis.vkey"))
    if judged.bad_anchor is not None:
        problems.append(("anchor", str(judged.bad_anchor)))
    problems += [(f"checkpoint.{fault}", name) for name, fault in judged.bad]
    problems += manifest_problems(manifest, walk, heads, package.digests)
    bad = first_bad(walk, judged, hashes.count)
    return {
        "verdict": "altered" if bad or problems else "good",
        "unreadable": None,
        "first_bad": bad,
        "problems": [{"code": c, "place": p} for c, p in problems[:PROBLEMS_MAX]],
        "facts": {
            "origin": manifest["origin"],
            "genesis": genesis.text(),
            "created": manifest["created"],
            "from": manifest["range"]["from"],
            "to": manifest["range"]["to"],
            "filters": manifest["filters"],
            "entries": walk.lines,
            "clear": walk.clear,
            "newest": walk.newest,
            "opened": walk.openings.count,
            "commitments": walk.commitments,
            "checkpoints": manifest["checkpoints"],
            "manifest_sha256": package.digests["MANIFEST.json"][1],
        },
        "key_vouched": vouched,
        "anchors": 0 if judged.bad_anchor is not None else len(anchors),
    }


# --- evidence packages ------------------------------------------------------------------------


PROOF_FILES = ("MANIFEST.json", "CONTENTS.json", "log.vkey", "checkpoint.note",
               "entries.jsonl", "entry-proofs.jsonl")
FAULT_OF_FILE = {"file.missing": "missing", "file.unlisted": "added", "file.malformed": "malformed",
                 "checkpoint.malformed": "malformed"}


def is_evidence(path):
    try:
        with zipfile.ZipFile(path) as package:
            names = [info.orig_filename for info in package.infolist()]
    except BROKEN:
        return False
    return any(EVIDENCE_NAMES.fullmatch(n) and n not in SHARED_NAMES for n in names)


def inclusion_root(leaf, index, size, path):
    """The root that a proof leads to (RFC 9162, 2.1.3.2), or None."""
    if index >= size:
        return None
    last = size - 1
    for sibling in path:
        if last == 0:
            return None
        if index & 1 or index == last:
            leaf = node_hash(sibling, leaf)
            while not index & 1 and index:
                index >>= 1
                last >>= 1
        else:
            leaf = node_hash(leaf, sibling)
        index >>= 1
        last >>= 1
    return leaf if last == 0 else None


def parse_hash(text):
    return bytes.fromhex(text) if HEX64.fullmatch(text.encode()) else None


def parse_path(texts):
    path = [parse_hash(text) for text in texts]
    return None if None in path else path


def parse_line(line, fields):
    """Canonical JSON with these fields: names and checks."""
    value = None if line is None else parse_json(line, COMPACT)
    if type(value) is not dict or list(value) != list(fields):
        return None
    return value if all(check(value[name]) for name, check in fields.items()) else None


def is_openings(value):
    return type(value) is list and all(
        type(o) is dict and list(o) == ["f", "salt", "v"] and is_texts(list(o.values()))
        for o in value
    )


ENTRY_PROOF = {"seq": is_number, "path": is_texts, "openings": is_openings}
MESSAGE_PROOF = {"n": is_number, "seq": is_number, "chat": is_text, "role": is_text,
                 "state": is_text, "recalled": lambda value: type(value) is bool, "salt": is_text,
                 "pull": is_number, "index": is_number, "path": is_texts}


class Pairs:
    """Lines of two files in step, without their ends: None behind the last, False where a
    line has no end."""

    def __init__(self, package, lines, proofs):
        self.files = [Digesting(package, name) for name in (lines, proofs)]

    def next(self):
        found = []
        for file in self.files:
            line = file.line()
            found.append(None if not line else line[:-1] if line.endswith(b"\n") else False)
        return found


class Fault(Exception):
    """What is wrong with a line."""


def tree_of(text):
    """Root and number of messages that an opening of a pull tells."""
    try:
        fields = json.loads(text)
        (nothing, root), (none, count) = fields["root"], fields["messages"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    good = nothing is None and none is None and is_text(root) and is_number(count)
    root = parse_hash(root) if good else None
    return None if root is None else (root, count)


class Entries:
    def __init__(self, package, size, root):
        self.size, self.root = size, root
        self.first, self.count, self.pulls, self.sealed = None, 0, {}, []
        pairs, last = Pairs(package, "entries.jsonl", "entry-proofs.jsonl"), None
        while True:
            line, raw = pairs.next()
            if line is None and raw is None:
                break
            proof = parse_line(raw or None, ENTRY_PROOF)
            seq = None if proof is None else proof["seq"]
            self.count += 1
            try:
                if line is None:
                    raise Fault("missing")
                if raw is None:
                    raise Fault("added")
                if proof is None or line is False:
                    raise Fault("malformed")
                self.take(line, proof, last)
            except Fault as fault:
                self.bad(seq, str(fault))
                return
            last = seq
        if not self.sealed:
            self.count += 1
            self.bad(None, "missing")

    def bad(self, entry, fault):
        self.first = {"file": "entries.jsonl", "line": self.count, "message": None,
                      "entry": entry, "fault": fault}

    def take(self, line, proof, last):
        path = parse_path(proof["path"])
        if path is None:
            raise Fault("malformed")
        if inclusion_root(leaf_hash(line), proof["seq"], self.size, path) != self.root:
            raise Fault("altered")
        entry = parse_entry(line)
        if entry is None:
            raise Fault("malformed")
        if entry["seq"] != proof["seq"]:
            raise Fault("altered")
        if last is not None and last >= entry["seq"]:
            raise Fault("reordered")
        for opening in proof["openings"]:
            if not opens(opening, entry):
                raise Fault("opening")
            if opening["f"].startswith("archive_pull"):
                number = opening["f"][len("archive_pull"):]
                good = re.fullmatch(r":[0-9]{1,20}", number) and int(number[1:]) < U64
                tree = tree_of(opening["v"])
                if not good or tree is None:
                    raise Fault("malformed")
                self.pulls[int(number[1:])] = tree
        if entry["act"] == "evidence.seal" and type(entry["obj"]) is list:
            for thing in entry["obj"]:
                kind, colon, name = thing.partition(":")
                if colon and kind == "evidence_contents":
                    self.sealed.append(name)


class Messages:
    def __init__(self, package, pulls):
        self.pulls = pulls
        self.first, self.count, self.chosen, self.unproven = None, 0, 0, 0
        pairs = Pairs(package, "messages.jsonl", "message-proofs.jsonl")

        def pair():
            line, raw = pairs.next()
            return line, raw, parse_line(raw or None, MESSAGE_PROOF)

        here = pair()
        while here[0] is not None or here[1] is not None:
            behind = pair()
            self.count += 1
            try:
                self.take(here, behind)
            except Fault as fault:
                seq = None if here[2] is None else here[2]["seq"]
                self.first = {"file": "messages.jsonl", "line": self.count, "message": seq,
                              "entry": None, "fault": str(fault)}
                return
            here = behind

    def take(self, here, behind):
        line, raw, proof = here
        if line is None:
            raise Fault("missing")
        if raw is None:
            raise Fault("added")
        if proof is None:
            raise Fault("malformed")
        known = (proof["state"] in ("shown", "deleted", "erased")
                 and proof["role"] in ("chosen", "context")
                 and (proof["pull"] != 0 or (not proof["path"] and proof["index"] == 0)))
        if not known or proof["n"] + 1 != self.count:
            raise Fault("malformed")
        if proof["pull"] != 0 and proof["pull"] not in self.pulls:
            raise Fault("unproven")
        if not self.fits(line, proof):
            if self.fits(behind[0], proof):
                raise Fault("added")
            raise Fault("missing" if self.fits(line, behind[2]) else "altered")
        hidden = line.startswith(b"#")
        if hidden and proof["state"] == "shown":
            raise Fault("withheld")
        if not hidden and proof["state"] != "shown":
            raise Fault("altered")
        self.chosen += proof["role"] == "chosen"
        self.unproven += proof["pull"] == 0

    def fits(self, line, proof):
        if line is None or line is False or proof is None:
            return False
        if proof["pull"] == 0:
            return True
        if proof["pull"] not in self.pulls:
            return False
        path = parse_path(proof["path"])
        if line.startswith(b"#"):
            leaf = bytes.fromhex(line[1:].decode()) if HEX64.fullmatch(line[1:]) else None
        else:
            salt = re.fullmatch(r"[0-9a-f]{32}", proof["salt"])
            data = proof["seq"].to_bytes(8, "big") + line
            leaf = leaf_hash(bytes.fromhex(salt[0]) + data) if salt else None
        if path is None or leaf is None:
            return False
        root, size = self.pulls[proof["pull"]]
        return inclusion_root(leaf, proof["index"], size, path) == root


def parse_list(data, fields, form):
    """CONTENTS.json and MANIFEST.json."""
    value = parse_json(data[:-1], PRETTY) if data.endswith(b"\n") else None
    if type(value) is not dict or list(value) != list(fields):
        return None
    if not all(check(value[name]) for name, check in fields.items()):
        return None
    return value if value["format"] == form and value["v"] == 1 else None


def is_files(files):
    return type(files) is list and all(
        type(f) is dict and list(f) == ["path", "bytes", "sha256"] and is_text(f["path"])
        and is_number(f["bytes"]) and is_text(f["sha256"])
        for f in files
    )


CONTENTS_FIELDS = {"format": is_text, "v": is_number, "case": is_text, "messages": is_number,
                   "chosen": is_number, "media": is_number, "media_missing": is_number,
                   "files": is_files}
PACKAGE_FIELDS = {"format": is_text, "v": is_number, "product": is_text, "origin": is_text,
                  "created": is_text, "case": is_text, "files": is_files}


class Examination:
    def __init__(self, path, key, anchors):
        self.package = Package(path, EVIDENCE_NAMES, None)
        self.problems, self.first_bad = [], None
        self.facts = {"origin": "", "key": "", "created": "", "case": "", "messages": 0,
                      "chosen": 0, "unproven": 0, "media": 0, "media_missing": 0, "entries": 0,
                      "checkpoint": 0, "manifest_sha256": ""}
        self.digests = {name: self.digest(name) for name in sorted(self.package.names)}
        self.vouched, self.agreed = False, 0
        head = self.head()
        self.hold_against(key, anchors, head)
        sealed, counted = [], None
        if head is not None and self.can_read("entries.jsonl", "entry-proofs.jsonl"):
            entries = Entries(self.package, head.size, head.root)
            self.facts["entries"] = entries.count
            self.note_line("entry-proofs.jsonl", entries.first)
            if entries.first is None and self.can_read("messages.jsonl", "message-proofs.jsonl"):
                messages = Messages(self.package, entries.pulls)
                self.facts["unproven"] = messages.unproven
                self.note_line("message-proofs.jsonl", messages.first)
                if messages.first is None:
                    counted = (messages.count, messages.chosen)
            sealed = entries.sealed
        self.contents(sealed, counted)
        self.manifest()

    def digest(self, name):
        file_hash, size = hashlib.sha256(), 0
        try:
            with self.package.zip.open(name) as file:
                while True:
                    block = file.read(1 << 16)
                    if not block:
                        return size, file_hash.hexdigest()
                    file_hash.update(block)
                    size += len(block)
        except BROKEN:
            return None

    def whole(self, name, limit):
        if self.digests.get(name) is None:
            return None
        try:
            return self.package.whole(name, limit)
        except (Unreadable,) + BROKEN:
            return None

    def text(self, name):
        data = self.whole(name, NOTE_MAX)
        try:
            return None if data is None else data.decode("utf-8")
        except UnicodeDecodeError:
            return None

    def can_read(self, *names):
        for name in names:
            if self.digests.get(name) is None:
                self.blame("file.digest" if name in self.digests else "file.missing", name)
                return False
        return True

    def blame(self, code, place):
        if (code, place) in self.problems:
            return
        self.problems.append((code, place))
        if self.first_bad is None and EVIDENCE_NAMES.fullmatch(place):
            fault = FAULT_OF_FILE.get(code, "altered")
            self.first_bad = {"file": place, "line": 0, "message": None, "entry": None, "fault": fault}

    def note_line(self, proofs, bad):
        if bad is None or self.first_bad is not None:
            return
        data = self.whole("MANIFEST.json", SMALL_MAX)
        manifest = None if data is None else parse_list(data, PACKAGE_FIELDS, "qitai-evidence-package")
        files = [] if manifest is None else manifest["files"]
        listed = {file["path"]: (file["bytes"], file["sha256"]) for file in files}

        def as_listed(name):
            return name in listed and listed[name] == self.digests.get(name)

        if as_listed(bad["file"]) and not as_listed(proofs):
            bad = {**bad, "file": proofs}
        self.first_bad = bad

    def head(self):
        if not self.can_read("log.vkey", "checkpoint.note"):
            return None
        text = self.text("log.vkey")
        key = Key.parse(text[:-1]) if text is not None and text.endswith("\n") else None
        if key is None:
            return self.blame("file.malformed", "log.vkey")
        self.facts["key"] = key.text()
        note = self.text("checkpoint.note")
        checkpoint = None if note is None else Checkpoint.parse(note)
        if checkpoint is None or checkpoint.origin != key.name:
            return self.blame("checkpoint.malformed", "checkpoint.note")
        if not checkpoint.is_signed_by(key):
            return self.blame("checkpoint.signature", "checkpoint.note")
        self.facts["checkpoint"] = checkpoint.size
        self.facts["origin"] = checkpoint.origin
        return checkpoint

    def hold_against(self, key, anchors, head):
        self.vouched = key is not None and key.text() == self.facts["key"]
        if key is not None and not self.vouched:
            self.blame("key", "log.vkey")
        for anchor in anchors:
            if head is None or head.size != anchor.size:
                continue
            if head.root == anchor.root and head.origin == anchor.origin:
                self.agreed += 1
            else:
                self.blame("anchor", "checkpoint.note")

    def contents(self, sealed, counted):
        if not self.can_read("CONTENTS.json"):
            return
        data = self.whole("CONTENTS.json", SMALL_MAX)
        contents = None if data is None else parse_list(data, CONTENTS_FIELDS, "qitai-evidence-contents")
        if contents is None:
            self.blame("file.malformed", "CONTENTS.json")
            return
        if self.digests["CONTENTS.json"][1] not in sealed:
            self.blame("contents.seal", "CONTENTS.json")
        if counted is not None and counted != (contents["messages"], contents["chosen"]):
            self.blame("contents.count", "CONTENTS.json")
        self.files(contents["files"], PROOF_FILES)
        for fact in ("case", "messages", "chosen", "media", "media_missing"):
            self.facts[fact] = contents[fact]

    def manifest(self):
        if not self.can_read("MANIFEST.json"):
            return
        data = self.whole("MANIFEST.json", SMALL_MAX)
        manifest = None if data is None else parse_list(data, PACKAGE_FIELDS, "qitai-evidence-package")
        if manifest is None:
            self.blame("file.malformed", "MANIFEST.json")
            return
        if manifest["origin"] != (self.facts["origin"] or manifest["origin"]) or manifest["case"] != (
            self.facts["case"] or manifest["case"]
        ):
            self.blame("manifest.heading", "MANIFEST.json")
        self.files(manifest["files"], ("MANIFEST.json",))
        self.facts["created"] = manifest["created"]
        self.facts["manifest_sha256"] = self.digests["MANIFEST.json"][1]

    def files(self, listed, but):
        unlisted = [name for name in self.digests if name not in but]
        for file in listed:
            if file["path"] not in unlisted:
                self.blame("file.missing", file["path"])
                continue
            unlisted.remove(file["path"])
            if self.digests[file["path"]] != (file["bytes"], file["sha256"]):
                self.blame("file.digest", file["path"])
        for name in unlisted:
            self.blame("file.unlisted", name)

    def report(self):
        return {
            "verdict": "altered" if self.first_bad or self.problems else "good",
            "unreadable": None,
            "first_bad": self.first_bad,
            "problems": [{"code": c, "place": p} for c, p in self.problems[:PROBLEMS_MAX]],
            "facts": self.facts,
            "key_vouched": self.vouched,
            "anchors": self.agreed,
        }


BROKEN = (OSError, zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError,
          NotImplementedError, RuntimeError, ValueError, OverflowError)


def verify(path, key=None, anchors=()):
    try:
        if is_evidence(path):
            return Examination(path, key, list(anchors)).report()
        return examine(path, key, list(anchors))
    except Unreadable as error:
        why = str(error)
    except BROKEN as error:
        why = f"{type(error).__name__}: {error}"
    return {"verdict": "unreadable", "unreadable": why, "first_bad": None, "problems": [],
            "facts": None, "key_vouched": False, "anchors": 0}


# --- the command line -----------------------------------------------------------------------

FAULTS = {
    "altered": ("被改动", "was altered"),
    "missing": ("缺失", "is missing"),
    "added": ("是多出来的", "was added"),
    "reordered": ("顺序被调换", "was moved"),
    "malformed": ("格式不符", "is malformed"),
    "time": ("时间早于前一条", "has a time before the one before it"),
    "opening": ("的原值与承诺不符", "has an opening that does not fit"),
    "withheld": ("应为明文却只给出哈希", "is promised in clear but withheld"),
    "unproven": ("起没有有效检查点覆盖", "and those behind it are covered by no good checkpoint"),
}


def describe(report):
    if report["verdict"] == "unreadable":
        return [f"无法读取 / unreadable: {report['unreadable']}"]
    facts, bad = report["facts"], report["first_bad"]
    if "case" in facts:
        return describe_evidence(report, facts, bad)
    lines = [
        f"日志 / log:            {facts['origin']}",
        f"条目 / entries:        {facts['entries']} (明文 / shown {facts['clear']})",
        f"检查点 / checkpoints:  {facts['checkpoints']}",
        f"清单 / manifest:       sha256 {facts['manifest_sha256']}",
    ]
    if bad is not None:
        zh, en = FAULTS[bad["fault"]]
        lines.append(f"第一条有问题的条目 / first bad entry: #{bad['seq']} {zh} / entry {bad['seq']} {en}")
        if not bad["exact"]:
            lines.append(f"  首处改动在 #{bad['from']}–#{bad['to']} 之间"
                         f" / the first change lies within entries {bad['from']} to {bad['to']}")
    lines += [f"- {problem['code']}: {problem['place']}" for problem in report["problems"]]
    if report["verdict"] == "good" and not report["key_vouched"]:
        lines.append("注意：没有给出 --vkey，无法确认签名密钥属于谁。"
                     " / Note: without --vkey nobody vouches for the key:")
        lines.append(f"  {facts['genesis']}")
    lines.append("完好 / good" if report["verdict"] == "good" else "被改动 / ALTERED")
    return lines


def describe_evidence(report, facts, bad):
    lines = [
        f"日志 / log:            {facts['origin']}",
        f"案件 / case:           {facts['case']}",
        f"消息 / messages:       {facts['messages']} (选中 / chosen {facts['chosen']})",
        f"文件 / media:          {facts['media']} (缺失 / missing {facts['media_missing']})",
        f"检查点 / checkpoint:   {facts['checkpoint']}",
        f"清单 / manifest:       sha256 {facts['manifest_sha256']}",
    ]
    if bad is not None:
        zh, en = FAULTS[bad["fault"]]
        where = bad["file"]
        if bad["line"]:
            where += f":{bad['line']}"
        if bad["message"] is not None:
            lines.append(f"第一处问题 / first bad: {where} 消息 {bad['message']} {zh} / message {bad['message']} {en}")
        elif bad["entry"] is not None:
            lines.append(f"第一处问题 / first bad: {where} 条目 #{bad['entry']} {zh} / entry {bad['entry']} {en}")
        else:
            lines.append(f"第一处问题 / first bad: {where} {zh} / {en}")
    lines += [f"- {problem['code']}: {problem['place']}" for problem in report["problems"]]
    if facts["unproven"]:
        lines.append(f"注意：{facts['unproven']} 条消息只由封存证明。"
                     f" / Note: {facts['unproven']} messages are proved by the seal only.")
    if report["verdict"] == "good" and not report["key_vouched"]:
        lines.append("注意：没有给出 --vkey，无法确认签名密钥属于谁。"
                     " / Note: without --vkey nobody vouches for the key:")
        lines.append(f"  {facts['key']}")
    lines.append("完好 / good" if report["verdict"] == "good" else "被改动 / ALTERED")
    return lines


def read_text(path):
    with open(path, encoding="utf-8", newline="") as file:
        return file.read(NOTE_MAX)


def main():
    parser = argparse.ArgumentParser(description="离线校验企台审计证据包 / Verifies a Qitai audit package offline")
    parser.add_argument("package", help="证据包 / the package")
    parser.add_argument("--vkey", help="公钥或其文件 / the log's verifier key, or a file with it")
    parser.add_argument("--anchor", action="append", default=[], metavar="FILE",
                        help="另处保存的检查点 / a checkpoint kept elsewhere")
    parser.add_argument("--json", action="store_true", help="以 JSON 输出 / print JSON")
    args = parser.parse_args()
    key, anchors = None, []
    try:
        if args.vkey is not None:
            text = args.vkey if "+" in args.vkey else read_text(args.vkey)
            key = Key.parse(text.strip())
            if key is None:
                parser.error("--vkey: 不是公钥 / not a verifier key")
        for path in args.anchor:
            text = read_text(path)
            anchor = Checkpoint.parse(text) or Checkpoint.parse_body(text)
            if anchor is None:
                parser.error(f"--anchor {path}: 不是检查点 / not a checkpoint")
            anchors.append(anchor)
    except (OSError, UnicodeDecodeError) as error:
        parser.error(str(error))
    report = verify(args.package, key, anchors)
    if args.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for line in describe(report):
            print("".join(c if c.isprintable() else "\ufffd" for c in line))
    return {"good": 0, "altered": 1, "unreadable": 2}[report["verdict"]]


if __name__ == "__main__":
    sys.exit(main())
