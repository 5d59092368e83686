// The same application as an ES module. Its imports are resolved before any of its code runs, so that an agent
// can only change what it uses through module hooks.

import { createServer } from "node:http";

import express from "express";

const app = express();
app.get("/", (_request, response) => response.type("text").send("hello\n"));
// What became of NODE_OPTIONS=--title=...
app.get("/settings", (_request, response) => response.type("text").send(process.title));
app.get("/environment", (_request, response) => response.json(process.env));

// The first process of a container ignores this signal unless it says otherwise.
process.on("SIGTERM", () => process.exit(0));
createServer(app).listen(8080);
