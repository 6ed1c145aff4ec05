def build(depth):
    if depth == 0:
        return []
    return [build(depth - 1), build(depth - 1)]


def check(tree):
    if not tree:
        return 1
    return 1 + check(tree[0]) + check(tree[1])


lasting = build(15)
for depth in [4, 6, 8, 10, 12, 14]:
    rounds = 1 << (19 - depth)
    total = 0
    for _ in range(rounds):
        total += check(build(depth))
    print(f"{rounds} trees of depth {depth}: {total}")
print(check(lasting))
