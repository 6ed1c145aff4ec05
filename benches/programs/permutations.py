def permutations(xs):
    if not xs:
        return [[]]
    every = []
    for i in range(len(xs)):
        for rest in permutations(xs[:i] + xs[i + 1 :]):
            every.append([xs[i]] + rest)
    return every


def main():
    total = 0
    orders = permutations([1, 2, 3, 4, 5, 6, 7, 8, 9])
    for order in orders:
        for i, x in enumerate(order):
            total = (total * 3 + x * i) % 1000003
    print(len(orders), total)


main()
