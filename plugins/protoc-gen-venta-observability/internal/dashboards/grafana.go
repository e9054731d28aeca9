// Package dashboards writes dashboards for Grafana.
package dashboards

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Dashboard is a file.
type Dashboard struct {
	Name string // "overview"
	JSON string
}

// The part of Grafana's model that is written here.
type (
	dashboard struct {
		UID           string     `json:"uid"`
		Title         string     `json:"title"`
		Description   string     `json:"description"`
		Tags          []string   `json:"tags"`
		SchemaVersion int        `json:"schemaVersion"`
		Editable      bool       `json:"editable"`
		Refresh       string     `json:"refresh"`
		Time          timeRange  `json:"time"`
		Templating    templating `json:"templating"`
		Links         []link     `json:"links"`
		Panels        []panel    `json:"panels"`
	}
	timeRange struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	link struct {
		Title string   `json:"title"`
		Type  string   `json:"type"`
		Tags  []string `json:"tags"`
	}
	templating struct {
		List []variable `json:"list"`
	}
	variable struct {
		Name       string  `json:"name"`
		Label      string  `json:"label"`
		Type       string  `json:"type"`
		Query      string  `json:"query"`
		Multi      bool    `json:"multi"`
		IncludeAll bool    `json:"includeAll"`
		AllValue   string  `json:"allValue,omitempty"`
		Current    *choice `json:"current,omitempty"`
	}
	choice struct {
		Text  string `json:"text"`
		Value string `json:"value"`
	}
	panel struct {
		ID          int         `json:"id"`
		Title       string      `json:"title"`
		Description string      `json:"description"`
		Type        string      `json:"type"`
		Datasource  source      `json:"datasource"`
		GridPos     grid        `json:"gridPos"`
		FieldConfig fieldConfig `json:"fieldConfig"`
		Targets     []target    `json:"targets"`
	}
	source struct {
		Type string `json:"type"`
		UID  string `json:"uid"`
	}
	grid struct {
		H int `json:"h"`
		W int `json:"w"`
		X int `json:"x"`
		Y int `json:"y"`
	}
	fieldConfig struct {
		Defaults  defaults `json:"defaults"`
		Overrides []any    `json:"overrides"`
	}
	defaults struct {
		Unit string   `json:"unit"`
		Min  *float64 `json:"min,omitempty"`
		Max  *float64 `json:"max,omitempty"`
	}
	target struct {
		RefID        string `json:"refId"`
		Expr         string `json:"expr"`
		LegendFormat string `json:"legendFormat"`
		Instant      bool   `json:"instant,omitempty"`
		Exemplar     bool   `json:"exemplar,omitempty"`
	}
)

// The units of Grafana that panels have.
const (
	perSecond = "reqps"
	seconds   = "s"
	share     = "percentunit"
	bytes     = "bytes"

	bytesPerSecond = "Bps"
	plain          = "short"
)

// query is one line, or a family of lines, of a chart.
type query struct{ expr, legend string }

// chart is a panel before it has a place.
type chart struct {
	title, about, unit string
	kind               string // "": a chart over time
	queries            []query
}

const (
	columns = 2
	width   = 24 / columns
	height  = 8
)

// page puts charts in their places.
func page(name, title, about string, variables []variable, charts ...chart) Dashboard {
	d := dashboard{
		UID: "venta-" + name, Title: "Venta / " + title, Description: about, Tags: []string{"venta"},
		SchemaVersion: 39, Refresh: "30s", Time: timeRange{"now-1h", "now"},
		Templating: templating{append([]variable{{Name: "datasource", Label: "Prometheus", Type: "datasource", Query: "prometheus"}}, variables...)},
		Links:      []link{{"Venta", "dashboards", []string{"venta"}}},
	}
	for i, c := range charts {
		d.Panels = append(d.Panels, c.panel(i))
	}
	encoded, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(err) // texts and numbers
	}
	return Dashboard{Name: name, JSON: string(encoded) + "\n"}
}

func (c chart) panel(i int) panel {
	p := panel{
		ID: i + 1, Title: c.title, Description: c.about, Type: "timeseries",
		Datasource:  source{"prometheus", "${datasource}"},
		GridPos:     grid{H: height, W: width, X: i % columns * width, Y: i / columns * height},
		FieldConfig: fieldConfig{Defaults: defaults{Unit: c.unit}, Overrides: []any{}},
	}
	if c.kind != "" {
		p.Type = c.kind
	} else {
		p.FieldConfig.Defaults.Min = new(0.0)
	}
	for j, q := range c.queries {
		p.Targets = append(p.Targets, target{
			RefID: string(rune('A' + j)), Expr: q.expr, LegendFormat: q.legend, Instant: c.kind != "",
			Exemplar: strings.HasPrefix(q.expr, "histogram_quantile(0.99,"), // once, as all percentiles have the same
		})
	}
	return p
}

// chooser is a variable with the values that the API has.
func chooser(name, label string, values []string, multi bool) variable {
	v := variable{Name: name, Label: label, Type: "custom", Multi: multi, IncludeAll: multi}
	for i, value := range values {
		if i > 0 {
			v.Query += ","
		}
		v.Query += value
	}
	if multi {
		v.AllValue, v.Current = ".+", &choice{"All", "$__all"}
	} else {
		v.Current = &choice{values[0], values[0]}
	}
	return v
}

// percentiles are those that each chart of latencies has.
func percentiles(of func(p float64) string) []query {
	var all []query
	for _, p := range []float64{0.5, 0.95, 0.99} {
		all = append(all, query{of(p), fmt.Sprintf("P%g", 100*p)})
	}
	return all
}
