// Command go-agent is a stand-in for the agent of Go: it instruments nothing. It checks what the real one needs, waits
// for its target, prints what it found, and answers the same on port 8099.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// What loading eBPF programs and reading another process take.
// https://github.com/open-telemetry/opentelemetry-go-instrumentation/blob/main/docs/getting-started.md
var capabilities = []struct {
	name string
	bit  uint
}{{"SYS_PTRACE", 19}, {"SYS_ADMIN", 21}, {"PERFMON", 38}, {"BPF", 39}}

func main() {
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	found := make(chan struct{})
	var report string
	go func() {
		report = look()
		fmt.Print(report)
		close(found)
	}()
	http.HandleFunc("/", func(answer http.ResponseWriter, request *http.Request) {
		// Nothing to answer before the target runs.
		select {
		case <-found:
			fmt.Fprint(answer, report)
		case <-request.Context().Done():
		}
	})
	go func() { log.Fatal(http.ListenAndServe(":8099", nil)) }()
	<-end
}

func look() string {
	target := os.Getenv("OTEL_GO_AUTO_TARGET_EXE")
	lines := []string{
		fmt.Sprintf("user: %d", os.Getuid()),
		"missing capabilities: " + strings.Join(missingCapabilities(), " "),
		fmt.Sprintf("debug file system: %t", mounted("/sys/kernel/debug")),
		"target: " + target,
		"process: " + process(target),
	}
	for _, variable := range os.Environ() {
		if strings.HasPrefix(variable, "OTEL_") {
			lines = append(lines, variable)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func missingCapabilities() []string {
	var effective uint64
	for _, line := range lines("/proc/self/status") {
		if text, ok := strings.CutPrefix(line, "CapEff:"); ok {
			effective, _ = strconv.ParseUint(strings.TrimSpace(text), 16, 64)
		}
	}
	var missing []string
	for _, capability := range capabilities {
		if effective&(1<<capability.bit) == 0 {
			missing = append(missing, capability.name)
		}
	}
	return missing
}

func mounted(path string) bool {
	for _, line := range lines("/proc/self/mountinfo") {
		if fields := strings.Fields(line); len(fields) > 4 && fields[4] == path {
			return true
		}
	}
	return false
}

// process waits until a process runs the program, and names its command line.
func process(program string) string {
	for {
		executables, _ := filepath.Glob("/proc/[0-9]*/exe")
		for _, executable := range executables {
			if path, err := os.Readlink(executable); err == nil && path == program {
				command, _ := os.ReadFile(filepath.Join(filepath.Dir(executable), "cmdline"))
				return strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func lines(file string) []string {
	content, err := os.ReadFile(file)
	if err != nil {
		log.Fatal(err)
	}
	return strings.Split(string(content), "\n")
}
