module ingraft.dev/testkit/pause

go 1.25.0
