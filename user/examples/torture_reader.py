#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A reader of perf rings for perfring torture, in nothing but Python."""
import mmap, os, select, signal, struct, sys

MAPPED = int(os.environ["PERFRING_BYTES"])
if os.environ["PERFRING_MODE"] != "forward":
    sys.exit(4)  # not a scenario for this reader
RING = memoryview(mmap.mmap(3, MAPPED))
WORDS = RING.cast("Q")  # one load or store of 8 bytes at a time
HEAD, TAIL, OFFSET, SIZE = (byte // 8 for byte in (1024, 1032, 1040, 1048))
begin, size = WORDS[OFFSET], WORDS[SIZE]
if not begin:  # before Linux 4.1
    begin = mmap.PAGESIZE
    size = MAPPED - begin
DATA = RING[begin:begin + size]


def take(position, count):
    """So many bytes, of which some may be at the beginning of the data."""
    at = position % size
    piece = bytes(DATA[at:at + count])
    return piece + bytes(DATA[:count - len(piece)])


def finish(word):
    print(word, flush=True)
    sys.exit(0)


def fnv(data):
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xffffffff
    return value


def show(kind, misc, record):
    if kind == 9:  # PERF_RECORD_SAMPLE of PERF_SAMPLE_RAW: u32 size, payload
        length, sequence = struct.unpack_from("=II", record, 12)
        if sequence == 0xffffffff:
            finish("end")
        print("sample", length, "%08x" % fnv(record[12:12 + length]))
    elif kind == 2:  # PERF_RECORD_LOST: u64 id, u64 lost
        print("lost", struct.unpack_from("=Q", record, 16)[0])
    else:
        print("record", kind, misc, len(record))


def drain():
    # The interpreter has no barriers: this is right on x86, where loads and stores
    # keep their order, and only likely to be right elsewhere.
    head, position = WORDS[HEAD], WORDS[TAIL]
    # Positions have 64 bits, and where data_head never has more than 32 (32-bit kernels) 32.
    waiting = (head - position) % (2**64 if head >> 32 else 2**32)
    if waiting > size or head % 8:
        finish("corrupt")
    while waiting:
        kind, misc, length = struct.unpack("=IHH", take(position, 8))
        if length < 8 or length % 8 or length > waiting:
            finish("corrupt")
        show(kind, misc, take(position, length))
        position = (position + length) % 2**64
        waiting -= length
    WORDS[TAIL] = position


signal.signal(signal.SIGUSR1, lambda number, frame: None)
poll = select.poll()
poll.register(4, select.POLLIN)
while True:
    drain()
    sys.stdout.flush()
    events = dict(poll.poll(50)).get(4, 0)  # not every record wakes
    if events & select.POLLIN:
        os.read(4, 4096)  # takes the wakeup back
    if events & select.POLLHUP:
        drain()
        finish("hangup")
