def main():
    text = "the walrus and the carpenter were walking close at hand they wept like anything to see such quantities of sand"
    counts = {}
    for _ in range(20000):
        for word in text.split(" "):
            counts[word] = counts.get(word, 0) + 1
    print(sum(count * len(word) for word, count in counts.items()))


main()
