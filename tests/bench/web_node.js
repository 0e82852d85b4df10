// SPDX-License-Identifier: MIT
// Node's side of the net_web_… rows: its HTTP and HTTPS servers in one thread, as the first example of its
// documentation.
//
//   node web_node.js CERTIFICATE KEY
//
// Prints "serving PORT PORT_OF_TLS".
"use strict";
const fs = require("fs");
const http = require("http");
const https = require("https");

function answer(asked, response) {
  let size = 0;
  asked.on("data", (part) => { size += part.length; });
  asked.on("end", () => {
    const body = asked.method === "POST" ? String(size) : "hello";
    response.writeHead(200, { "Content-Type": "text/plain", "Content-Length": body.length });
    response.end(body);
  });
}

const [certificate, key] = process.argv.slice(2).map((path) => fs.readFileSync(path));
const plain = http.createServer(answer);
const secure = https.createServer({ cert: certificate, key, minVersion: "TLSv1.3" }, answer);
plain.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
  secure.listen({ host: "127.0.0.1", port: 0, backlog: 1024 }, () => {
    console.log(`serving ${plain.address().port} ${secure.address().port}`);
  });
});
