import sys

sys.setrecursionlimit(100000)


def ack(m, n):
    if m == 0:
        return n + 1
    if n == 0:
        return ack(m - 1, 1)
    return ack(m - 1, ack(m, n - 1))


def hyper(level, a, b):
    if level == 0:
        return b + 1
    if b == 0:
        if level == 1:
            return a
        return 0 if level == 2 else 1
    return hyper(level - 1, a, hyper(level, a, b - 1))


for n in range(6, 10):
    print(f"{n}: {ack(3, n)} {hyper(3, 2, n)}")
