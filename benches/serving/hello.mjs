// The same in node.
import { createServer } from "node:http";
const server = createServer({ keepAliveTimeout: 60000 }, (request, response) => {
    response.setHeader("content-type", "text/plain; charset=utf-8");
    response.end("hello, world\n");
});
server.listen(0, "127.0.0.1", 4096, () => console.log(server.address().port));
