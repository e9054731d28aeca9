package main

import (
	"bytes"
	"cmp"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
)

// pack writes a picture with 256 colours at most, and the nearest of them for the
// others: what differs is the edges of letters.
func pack(raw []byte) ([]byte, error) {
	picture, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	bounds := picture.Bounds()
	count := map[color.Color]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			count[picture.At(x, y)]++
		}
	}
	packed := image.NewPaletted(bounds, colorsOf(count))
	nearest := map[color.Color]uint8{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			at := picture.At(x, y)
			index, known := nearest[at]
			if !known {
				index = uint8(packed.Palette.Index(at)) // there are 256 at most
				nearest[at] = index
			}
			packed.SetColorIndex(x, y, index)
		}
	}
	var written bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err = encoder.Encode(&written, packed)
	return written.Bytes(), err
}

// colorsOf returns 256 colours that stand for all: of those that are alike the one that
// occurs most.
func colorsOf(count map[color.Color]int) color.Palette {
	const alike = 0xf000 // the first four bits of red, green and blue
	stands := map[[3]uint32]color.Color{}
	for c, n := range count {
		r, g, b, _ := c.RGBA()
		key := [3]uint32{r & alike, g & alike, b & alike}
		if other, ok := stands[key]; !ok || n > count[other] || n == count[other] && number(c) < number(other) {
			stands[key] = c
		}
	}
	colors := slices.Collect(maps.Values(stands))
	slices.SortFunc(colors, func(a, b color.Color) int {
		return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(number(a), number(b)))
	})
	return colors[:min(256, len(colors))]
}

// number orders colours that occur equally often.
func number(c color.Color) uint64 {
	r, g, b, _ := c.RGBA()
	return uint64(r)<<32 | uint64(g)<<16 | uint64(b)
}
