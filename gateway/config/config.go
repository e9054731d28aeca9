// Package config reads the configuration of a gateway process: a
// venta.config.v1.Config and the program's own blocks, written as YAML,
// environment variables and flags.
//
// [Load] reads it once, with the files that it names, and reports everything that
// is wrong at once, each fault with its source. A [Watcher] loads it again when
// one of those files changes, and hands over what can change while the process
// runs. Secrets are in no message, log or fault: see [Secret].
package config

import (
	"crypto/sha256"
	"fmt"

	configv1 "github.com/venta-hq/venta/gen/venta/config/v1"
)

// Options says what a configuration is made of. A flag wins over the
// environment, the environment over the file, the file over the defaults.
type Options struct {
	// File is the path of the YAML file. Default: none.
	File string
	// Environ is the environment in the form of os.Environ: values of ${NAME} in
	// the file, VENTA_ variables that set fields, and the bootstrap of xds. An
	// empty VENTA_ variable counts as unset. Default: empty.
	Environ []string
	// Flags are fields set on the command line.
	Flags []Setting
	// Upstreams are the names of the program's upstreams, each with its default
	// target; "" for one whose target must be configured. A name has letters,
	// digits and _ . - between them, and is not "default". Default: none.
	Upstreams map[string]string
	// Extensions are the program's own blocks. Default: none.
	Extensions []Extension
	// NoFiles leaves out what only the machine has that the configuration is for:
	// files that it names, and the bootstrap of xds. [Loaded.Unread] then says
	// what that was.
	NoFiles bool
}

// Defaults returns what is in force where nothing is configured: the core's
// blocks, without upstreams of a program.
func Defaults() *configv1.Config {
	loaded, err := Load(Options{})
	if err != nil {
		panic(err) // the embedded sample is wrong, which no build passes the tests with
	}
	return loaded.Config
}

// Load reads and checks a configuration. The error is a [Faults] with
// everything that is wrong, unless the file cannot be read at all or the program
// is wrong (its upstreams and extensions).
func Load(o Options) (*Loaded, error) {
	text, err := readFile(o.File)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return load(o, text, reads{})
}

// load is Load for the text of the file. It adds the files that it reads to files,
// be there a fault or not.
func load(o Options, text string, files reads) (*Loaded, error) {
	p, err := newProgram(o)
	if err != nil {
		return nil, err
	}
	l := newLoaded(p)
	l.digest = sha256.Sum256([]byte(text))
	if err := l.setDefaults(p); err != nil {
		return nil, err
	}
	d := &decoder{file: o.File, env: lookupIn(o.Environ), origins: l.origins, program: p, extensions: l.extensions}
	d.decode([]byte(text), l.Config.ProtoReflect())
	for _, setting := range append(d.fromEnvironment(o.Environ), o.Flags...) {
		d.apply(setting, l.Config.ProtoReflect())
	}
	if err := d.check(l); err != nil {
		return nil, err
	}
	if !o.NoFiles {
		d.readFiles(l, files)
	}
	if err := d.resolveUpstreams(l, o.NoFiles); err != nil {
		return nil, err
	}
	if o.NoFiles {
		l.noteUnread()
	} else {
		l.keepFiles(files)
	}
	for _, b := range l.blocks() {
		takeSecrets(b, l.secrets)
	}
	if err := d.faults.sorted(); err != nil {
		return nil, err
	}
	if err := p.checkExtensions(l, o.NoFiles); err != nil {
		return nil, err
	}
	return l, nil
}

// checkExtensions returns what the program finds wrong with its blocks.
func (p *program) checkExtensions(l *Loaded, noFiles bool) error {
	var faults Faults
	for _, e := range p.extensions {
		if e.Check != nil && !noFiles {
			faults = append(faults, e.Check(l)...)
		}
	}
	return faults.sorted()
}

// setDefaults lays the samples over the empty configuration.
func (l *Loaded) setDefaults(p *program) error {
	env := lookupIn(nil)
	core := &decoder{file: "sample", env: env, origins: origins{}, program: &program{}}
	core.decode([]byte(sample), l.Config.ProtoReflect())
	if err := core.faults.sorted(); err != nil {
		return fmt.Errorf("config: the sample is wrong: %w", err)
	}
	for _, e := range p.extensions {
		own := &decoder{file: "sample", env: env, origins: origins{}, program: &program{}, extensions: map[string]block{e.Name: l.extensions[e.Name]}}
		own.decode([]byte(e.Sample), nothing)
		if err := own.faults.sorted(); err != nil {
			return fmt.Errorf("config: the sample of extension %q is wrong: %w", e.Name, err)
		}
	}
	return nil
}
