// Command go-app is the Go application that gets instrumented: it answers on port 8080. With an argument such as 2s it
// ends after that time, as a Job does.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	http.HandleFunc("/{$}", func(answer http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(answer, "hello")
	})
	http.HandleFunc("/environment", func(answer http.ResponseWriter, _ *http.Request) {
		for _, variable := range os.Environ() {
			fmt.Fprintln(answer, variable)
		}
	})
	go func() { log.Fatal(http.ListenAndServe(":8080", nil)) }()

	// Not the first process where the pod shares its process namespace, the first one otherwise: that one ignores
	// signals that it does not ask for.
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	var done <-chan time.Time
	if len(os.Args) > 1 {
		work, err := time.ParseDuration(os.Args[1])
		if err != nil {
			log.Fatal(err)
		}
		done = time.After(work)
	}
	select {
	case <-end:
	case <-done:
	}
}
