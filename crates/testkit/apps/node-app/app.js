// A small web application, as a CommonJS module.

const { createServer } = require("node:http");

const express = require("express");

const app = express();
app.get("/", (_request, response) => response.type("text").send("hello\n"));
// What became of NODE_OPTIONS=--title=...
app.get("/settings", (_request, response) => response.type("text").send(process.title));
app.get("/environment", (_request, response) => response.json(process.env));

// The first process of a container ignores this signal unless it says otherwise.
process.on("SIGTERM", () => process.exit(0));
createServer(app).listen(8080);
