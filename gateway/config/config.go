// Package config reads the configuration of a gateway process: a
// venta.config.v1.Config written as YAML, environment variables and flags.
//
// [Load] reads it once and reports everything that is wrong at once, each fault
// with its source. A [Watcher] loads it again when its file changes and hands
// over what can change while the process runs. Secrets are in no message, log
// or fault: see [Secret].
package config

import (
	"crypto/sha256"
	_ "embed" // the sample and the schema
	"fmt"
	"io"
	"log/slog"
	"os"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// mostBytes bounds a configuration file.
const mostBytes = 1 << 20

// sample sets every default, with comments, and shows what has none.
//
//go:embed sample.yaml
var sample string

//go:embed schema.json
var schema string

// Sample returns a commented configuration file with every field. As it stands
// it says what an empty file says.
func Sample() string { return sample }

// JSONSchema returns the JSON Schema (draft 2020-12) of configuration files,
// for editors.
func JSONSchema() string { return schema }

// Options says what a configuration is made of. A flag wins over the
// environment, the environment over the file, the file over the defaults.
type Options struct {
	// File is the path of the YAML file. Default: none.
	File string
	// Environ is the environment in the form of os.Environ: values of ${NAME} in
	// the file, and VENTA_ variables that set fields. An empty VENTA_ variable
	// counts as unset. Default: empty.
	Environ []string
	// Flags are fields set on the command line.
	Flags []Setting
}

// Loaded is a checked configuration. It must not be changed, and is then safe
// for concurrent use.
type Loaded struct {
	// Config has a value or a default in every block but those whose presence
	// means something (tls). Its secrets are replaced by "[redacted]".
	Config *configv1.Config

	origins origins
	secrets map[string]Secret
	digest  [sha256.Size]byte // of the file
}

// Defaults returns what is in force where nothing is configured.
func Defaults() *configv1.Config {
	loaded, err := Load(Options{})
	if err != nil {
		panic(err) // the embedded sample is wrong, which no build passes the tests with
	}
	return loaded.Config
}

// Load reads and checks a configuration. The error is a [Faults] with
// everything that is wrong, unless the file cannot be read at all.
func Load(o Options) (*Loaded, error) {
	text, err := readFile(o.File)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return load(o, text)
}

// load is Load for the text of the file.
func load(o Options, text string) (*Loaded, error) {
	l := &Loaded{Config: &configv1.Config{}, origins: origins{}, secrets: map[string]Secret{}, digest: sha256.Sum256([]byte(text))}
	env := lookupIn(o.Environ)
	defaults := &decoder{env: env, origins: origins{}}
	defaults.decode([]byte(sample), l.Config.ProtoReflect())
	d := &decoder{file: o.File, env: env, origins: l.origins, faults: defaults.faults}
	d.decode([]byte(text), l.Config.ProtoReflect())
	settings, faults := fromEnvironment(o.Environ, l.Config.ProtoReflect().Descriptor())
	d.faults = append(d.faults, faults...)
	for _, setting := range append(settings, o.Flags...) {
		d.apply(setting, l.Config.ProtoReflect())
	}
	if err := d.check(l.Config); err != nil {
		return nil, err
	}
	d.secretFiles(l)
	takeSecrets("", l.Config.ProtoReflect(), l.secrets)
	if err := d.faults.sorted(); err != nil {
		return nil, err
	}
	return l, nil
}

func readFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, mostBytes+1))
	if err == nil && len(text) > mostBytes {
		err = fmt.Errorf("%s has more than %d bytes", path, mostBytes)
	}
	return string(text), err
}

// The paths of fields that are secret.
const (
	redisPassword    = "redis.password"
	sentinelPassword = "redis.sentinel_password"
)

// secretFiles reads the files that hold secrets.
func (d *decoder) secretFiles(l *Loaded) {
	files := map[string]string{
		redisPassword:    l.Config.GetRedis().GetPasswordFile(),
		sentinelPassword: l.Config.GetRedis().GetSentinelPasswordFile(),
	}
	for field, path := range files {
		if path == "" {
			continue
		}
		secret, err := readSecret(path)
		if err != nil {
			d.wrong(field+"_file", "cannot be read: "+err.Error())
		}
		l.secrets[field] = secret
	}
}

// RedisPassword returns redis.password, or what redis.password_file holds.
func (l *Loaded) RedisPassword() Secret { return l.secrets[redisPassword] }

// SentinelPassword returns redis.sentinel_password, or what its file holds.
func (l *Loaded) SentinelPassword() Secret { return l.secrets[sentinelPassword] }

// Source returns where a field was written, such as "overrides[0]" or
// "overrides[0].policy.timeout.duration": the field itself, or the closest block
// around it that was. Nothing of a field with a default was.
func (l *Loaded) Source(path string) Source { return l.origins.within(path).Source }

// Fault returns an error about a field for those who find more wrong than its
// form, such as an override that no RPC can have.
func (l *Loaded) Fault(path, message string) Fault {
	return Fault{Source: l.origins.of(path).Source, Field: path, Message: message}
}

// String returns the configuration without its secrets.
func (l *Loaded) String() string { return l.Config.String() }

// GoString is String.
func (l *Loaded) GoString() string { return l.String() }

// LogValue is String.
func (l *Loaded) LogValue() slog.Value { return slog.StringValue(l.String()) }
