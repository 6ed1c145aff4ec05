def quicksort(xs, lo, hi):
    while lo < hi:
        pivot = xs[(lo + hi) // 2]
        i, j = lo, hi
        while i <= j:
            while xs[i] < pivot:
                i += 1
            while xs[j] > pivot:
                j -= 1
            if i <= j:
                xs[i], xs[j] = xs[j], xs[i]
                i += 1
                j -= 1
        if j - lo < hi - i:
            quicksort(xs, lo, j)
            lo = i
        else:
            quicksort(xs, i, hi)
            hi = j


def main():
    xs = []
    seed = 7
    for _ in range(600000):
        seed = seed * 16807 % 2147483647
        xs.append(seed)
    quicksort(xs, 0, len(xs) - 1)
    total = 0
    for x in xs:
        total = (total * 31 + x) % 1000003
    print(total)


main()
