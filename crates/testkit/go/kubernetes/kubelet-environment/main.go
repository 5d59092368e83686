// Command kubelet-environment answers which environment the kubelet gives to a container.
//
// It reads cases as JSON, one after the other, and writes one line of JSON for each. Nothing runs: the kubelet's own
// function is called with what the case says that the cluster holds.
//
// It is part of the module that makes the cluster's own kubelet, so that most of it is compiled already. The build tag
// "oldest" belongs to oldest.mod.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"log"
	"os"
	"path/filepath"
	"strconv"

	"k8s.io/klog/v2"
)

type answer struct {
	// Environment holds the values by name, if the container would start.
	Environment map[string]string `json:"environment,omitempty"`
	// Error says why the container would not start.
	Error string `json:"error,omitempty"`
}

func main() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	if err := run(os.Stdin, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(cases io.Reader, answers io.Writer) error {
	folder, err := os.MkdirTemp("", "kubelet-environment-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	decoder := json.NewDecoder(bufio.NewReader(cases))
	buffer := bufio.NewWriter(answers)
	encoder := json.NewEncoder(buffer)
	for number := 0; ; number++ {
		var one environmentCase
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return buffer.Flush()
		} else if err != nil {
			return err
		}
		environment, err := one.environment(filepath.Join(folder, strconv.Itoa(number)))
		result := answer{Environment: environment}
		if err != nil {
			result.Error = err.Error()
		}
		if err := encoder.Encode(result); err != nil {
			return err
		}
	}
}
