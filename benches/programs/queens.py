def place(row, n, rows, ups, downs):
    if row == n:
        return 1
    found = 0
    for column in range(n):
        if not rows[column] and not ups[row + column] and not downs[row - column + n - 1]:
            rows[column] = True
            ups[row + column] = True
            downs[row - column + n - 1] = True
            found += place(row + 1, n, rows, ups, downs)
            rows[column] = False
            ups[row + column] = False
            downs[row - column + n - 1] = False
    return found


for n in range(4, 12):
    print(f"{n}: {place(0, n, [False] * n, [False] * (2 * n), [False] * (2 * n))}")
