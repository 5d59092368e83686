// Checks a Grafana dashboard, from standard input, by Grafana's published schema, as the types of its Foundation SDK have
// it: no panel, query or field is unknown, none is missing or of the wrong type. Words that a text may be are not checked.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

func main() {
	if err := check(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check() error {
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	// What panels and queries of each type may hold.
	plugins.RegisterDefaultPlugins()
	var strict, checked dashboard.Dashboard
	// The error is a list, which is never nil and may be empty.
	if err := strict.UnmarshalJSONStrict(text); err != nil && err.Error() != "" {
		return err
	}
	if err := json.Unmarshal(text, &checked); err != nil {
		return err
	}
	for _, panel := range checked.Panels {
		if panel.Panel != nil {
			if _, found := cog.ConfigForPanelcfgVariant(panel.Panel.Type); !found {
				return fmt.Errorf("unknown type of panel %q", panel.Panel.Type)
			}
		}
	}
	return checked.Validate()
}
