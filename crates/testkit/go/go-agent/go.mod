module ingraft.dev/testkit/go-agent

go 1.25.0
