def letters(n):
    out = []
    seed = 11
    for _ in range(n):
        seed = (seed * 1309 + 13849) % 65536
        out.append("acgt"[seed // 64 % 4])
    return "".join(out)


def count(text, k):
    counts = {}
    for i in range(len(text) - k + 1):
        part = text[i : i + k]
        counts[part] = counts.get(part, 0) + 1
    return counts


text = letters(800000)
for k in range(1, 9):
    counts = count(text, k)
    print(f"{k}: {len(counts)} {max(counts.values())} {sum(counts.values())}")
