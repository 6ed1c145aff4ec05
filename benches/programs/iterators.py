class Steps:
    def __init__(self, start, to, by): self.at, self.to, self.by = start, to, by
    def __iter__(self): return self
    def __next__(self):
        if self.at >= self.to: raise StopIteration
        at = self.at
        self.at += self.by
        return at

class Node:
    def __init__(self, value, next): self.value, self.next = value, next

class NodeIter:
    def __init__(self, node): self.node = node
    def __iter__(self): return self
    def __next__(self):
        n = self.node
        if n is None: raise StopIteration
        self.node = n.next
        return n.value

class Linked:
    def __init__(self): self.first = None
    def add(self, value): self.first = Node(value, self.first)
    def __iter__(self): return NodeIter(self.first)

class Pairs:
    def __init__(self, xs): self.xs, self.at = xs, -1
    def __iter__(self): return self
    def __next__(self):
        self.at += 1
        if self.at >= len(self.xs): raise StopIteration
        return self.at, self.xs[self.at]

class Sparse:
    def __init__(self): self.xs = []
    def __iter__(self): return Pairs(self.xs)

items, sparse = Linked(), Sparse()
for i in range(1000):
    items.add(i)
    sparse.xs.append(i * 0.5)
a, b, c = 0, 0, 0.0
for r in range(20000):
    for x in Steps(0, 1000, 3): a += x
    for x in items: b += x
    for k, v in sparse: c += v * k
print(a, b, int(c))
