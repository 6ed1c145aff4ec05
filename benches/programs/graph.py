import heapq


class Edge:
    def __init__(self, to, weight):
        self.to = to
        self.weight = weight


class Node:
    def __init__(self, id):
        self.id = id
        self.edges = []
        self.distance = -1
        self.component = -1
        self.rank = 1.0
        self.incoming = 0.0


class Entry:
    def __init__(self, distance, node):
        self.distance = distance
        self.node = node

    def __lt__(self, other):
        return self.distance < other.distance


def make(n, degree):
    nodes = [Node(i) for i in range(n)]
    seed = 5
    for node in nodes:
        for _ in range(degree):
            seed = seed * 16807 % 2147483647
            other = nodes[seed % n]
            if other.id % 50 == node.id % 50:
                weight = seed // 1000 % 100 + 1
                node.edges.append(Edge(other, weight))
                other.edges.append(Edge(node, weight))
        following = nodes[(node.id + 50) % n]
        node.edges.append(Edge(following, 60))
        following.edges.append(Edge(node, 60))
    return nodes


def shortest(nodes, source):
    for node in nodes:
        node.distance = -1
    heap = [Entry(0, source)]
    total = 0
    while heap:
        entry = heapq.heappop(heap)
        node = entry.node
        if node.distance >= 0:
            continue
        node.distance = entry.distance
        total += entry.distance
        for edge in node.edges:
            if edge.to.distance < 0:
                heapq.heappush(heap, Entry(entry.distance + edge.weight, edge.to))
    return total


def components(nodes):
    count = 0
    for start in nodes:
        if start.component >= 0:
            continue
        stack = [start]
        start.component = count
        while stack:
            node = stack.pop()
            for edge in node.edges:
                if edge.to.component < 0:
                    edge.to.component = count
                    stack.append(edge.to)
        count += 1
    return count


def ranks(nodes, rounds):
    for _ in range(rounds):
        for node in nodes:
            share = node.rank / len(node.edges)
            for edge in node.edges:
                edge.to.incoming += share
        for node in nodes:
            node.rank = 0.15 + 0.85 * node.incoming
            node.incoming = 0.0
    best = nodes[0]
    for node in nodes:
        if node.rank > best.rank:
            best = node
    return best.id


def main():
    nodes = make(50000, 8)
    print(f"components: {components(nodes)}")
    for source in range(50):
        print(f"from {source}: {shortest(nodes, nodes[source])}")
    print(f"highest rank: {ranks(nodes, 20)}")


main()
