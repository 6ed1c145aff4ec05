def compress(data, window):
    out = []
    i = 0
    while i < len(data):
        best = 0
        start = 0
        for j in range(max(i - window, 0), i):
            k = 0
            while i + k < len(data) and k < 255 and data[j + k] == data[i + k]:
                k += 1
            if k > best:
                best = k
                start = i - j
        if best > 3:
            out.append(256 + best)
            out.append(start)
            i += best
        else:
            out.append(data[i])
            i += 1
    return out


def expand(packed):
    out = []
    i = 0
    while i < len(packed):
        if packed[i] >= 256:
            length = packed[i] - 256
            start = len(out) - packed[i + 1]
            for k in range(length):
                out.append(out[start + k])
            i += 2
        else:
            out.append(packed[i])
            i += 1
    return out


def main():
    data = []
    seed = 42
    for i in range(10000):
        seed = (seed * 1309 + 13849) % 65536
        if i > 3000 and seed % 7 == 0:
            start = seed % 2000 + 100
            for _ in range(12):
                data.append(data[-start])
        else:
            data.append(seed // 512 % 16)
    packed = compress(data, 400)
    print(len(data), len(packed), str(expand(packed) == data).lower())


main()
