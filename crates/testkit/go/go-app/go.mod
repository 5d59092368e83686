module ingraft.dev/testkit/go-app

go 1.25.0
