def female(n):
    if n == 0:
        return 1
    return n - male(female(n - 1))


def male(n):
    if n == 0:
        return 0
    return n - female(male(n - 1))


total = 0
for n in range(75):
    total += female(n) - male(n) + n % 7 * male(n // 2)
print(total)
