package compression

import (
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// encoder is what the three libraries have in common. None of them starts a
// goroutine as it is made here.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// windowBits bounds an encoder's memory: on 256 KiB of response, brotli's default
// window takes 9 MiB and zstd's 10 MiB, for no byte less. RFC 9659 allows zstd
// no more than 23 in HTTP.
const windowBits = 18

func newEncoder(c Coding, o Options) (encoder, error) {
	switch c {
	case Gzip:
		return gzip.NewWriterLevel(nil, o.GzipLevel)
	case Brotli:
		return brotli.NewWriterOptions(nil, brotli.WriterOptions{Quality: o.BrotliLevel, LGWin: windowBits}), nil
	case Zstd:
		return zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.EncoderLevel(o.ZstdLevel)),
			zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(1<<windowBits),
			zstd.WithLowerEncoderMem(true),
		)
	}
	return nil, fmt.Errorf("compression: no encoder for %s", c)
}

// prepare fills a pool, and so finds out whether the options can be honoured.
func (c *compressor) prepare(coding Coding) error {
	first, err := newEncoder(coding, c.options)
	if err != nil {
		return fmt.Errorf("compression: %s: %w", coding, err)
	}
	c.encoders[coding].Put(first)
	return nil
}

func (c *compressor) getEncoder(coding Coding, w io.Writer) (encoder, error) {
	e, ok := c.encoders[coding].Get().(encoder)
	if !ok {
		var err error
		if e, err = newEncoder(coding, c.options); err != nil {
			return nil, err
		}
	}
	e.Reset(w)
	return e, nil
}

// putEncoder takes an encoder back that has closed its stream. Others are left
// to the garbage collector.
func (c *compressor) putEncoder(coding Coding, e encoder) {
	e.Reset(nil)
	c.encoders[coding].Put(e)
}
