package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/irsa-emu/irsa-emu/harness/clients"
	"github.com/irsa-emu/irsa-emu/statefile/strictyaml"
)

// answer is what came of one AWS call: an output, or a refusal.
type answer struct {
	requestID string
	output    map[string]any // as JSON; nil when refused
	code      string
	message   string
	status    int
}

func (a *answer) refused() bool { return a.code != "" }

// sdkName is a member's name in the SDK, which begins every one with a capital;
// the API reference of EKS does not.
func sdkName(name string) string {
	if name == "" {
		return ""
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// inputOf is the type of an operation's input; the client must have it.
func inputOf(client any, operation string) reflect.Type {
	m, _ := reflect.TypeOf(client).MethodByName(operation)
	return m.Type.In(2).Elem()
}

// callAPI makes one call. The error is what kept it from being answered.
func callAPI(ctx context.Context, config aws.Config, service, operation string, input []byte) (*answer, error) {
	client, known := clients.New(service, config)
	if !known {
		return nil, fmt.Errorf("there is no client of %s", service)
	}
	method := reflect.ValueOf(client).MethodByName(operation)
	in, err := buildInput(inputOf(client, operation), input)
	if err != nil {
		return nil, fmt.Errorf("input of %s %s: %w", service, operation, err)
	}
	results := method.Call([]reflect.Value{reflect.ValueOf(ctx), in})
	if err, _ := results[1].Interface().(error); err != nil {
		return refusal(err)
	}
	out := results[0].Elem()
	a := &answer{}
	if field := out.FieldByName("ResultMetadata"); field.IsValid() {
		if metadata, ok := field.Interface().(middleware.Metadata); ok {
			a.requestID, _ = awsmiddleware.GetRequestIDMetadata(metadata)
		}
	}
	output, err := outputValue(out)
	a.output, _ = output.(map[string]any)
	return a, err
}

// refusal turns an SDK error into the answer that it stands for; an error that
// is no answer of the service stays one.
func refusal(err error) (*answer, error) {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return nil, err
	}
	a := &answer{code: api.ErrorCode(), message: api.ErrorMessage()}
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		a.requestID, a.status = response.ServiceRequestID(), response.HTTPStatusCode()
	}
	return a, nil
}

// buildInput fills an SDK input from JSON. A stream, such as S3's Body, is text.
func buildInput(t reflect.Type, input []byte) (reflect.Value, error) {
	v := reflect.New(t)
	if len(input) == 0 {
		return v, nil
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(input, &members); err != nil {
		return v, err
	}
	for name, raw := range members {
		field, ok := t.FieldByName(name)
		if !ok || field.Type != readerType {
			continue
		}
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return v, fmt.Errorf("%s: %w", name, err)
		}
		v.Elem().FieldByIndex(field.Index).Set(reflect.ValueOf(strings.NewReader(text)))
		delete(members, name)
	}
	rest, err := json.Marshal(members)
	if err != nil {
		return v, err
	}
	decoder := json.NewDecoder(bytes.NewReader(rest))
	decoder.DisallowUnknownFields()
	return v, decoder.Decode(v.Interface())
}

var (
	readerType = reflect.TypeFor[io.Reader]()
	timeType   = reflect.TypeFor[time.Time]()
	bytesType  = reflect.TypeFor[[]byte]()
)

// checkInput records what an operation's input does not take, by name and
// type, at the place in the document.
func checkInput(d *strictyaml.Decoder, path string, t reflect.Type, v any) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	wrong := func(want string) {
		got := asJSON(v)
		if s, ok := v.(string); ok {
			got = fmt.Sprintf("the text %q", s)
		}
		d.PathErrorf(path, "%s where %s is wanted", got, want)
	}
	switch {
	case v == nil:
	case t == readerType || t == timeType || t == bytesType || t.Kind() == reflect.String:
		if _, ok := v.(string); !ok {
			wrong("text")
		}
	case t.Kind() == reflect.Struct:
		members, ok := v.(map[string]any)
		if !ok {
			wrong("a mapping")
			return
		}
		var known []string
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && f.Name != "ResultMetadata" {
				known = append(known, f.Name)
			}
		}
		for name, member := range members {
			if !slices.Contains(known, sdkName(name)) {
				d.PathErrorf(strictyaml.Join(path, name), "unknown member %q; %s", name, strictyaml.Instead(name, known))
				continue
			}
			f, _ := t.FieldByName(sdkName(name))
			checkInput(d, strictyaml.Join(path, name), f.Type, member)
		}
	case t.Kind() == reflect.Slice:
		items, ok := v.([]any)
		if !ok {
			wrong("a list")
			return
		}
		for i := range items {
			checkInput(d, strictyaml.Index(path, i), t.Elem(), items[i])
		}
	case t.Kind() == reflect.Map:
		members, ok := v.(map[string]any)
		if !ok {
			wrong("a mapping")
			return
		}
		for name, member := range members {
			checkInput(d, strictyaml.Join(path, name), t.Elem(), member)
		}
	case t.Kind() == reflect.Bool:
		if _, ok := v.(bool); !ok {
			wrong("true or false")
		}
	case t.Kind() == reflect.Interface:
		d.PathErrorf(path, "a member of this kind cannot be written in a scenario; use a run step with a client of your own")
	default:
		if _, ok := v.(float64); !ok {
			wrong("a number")
		}
	}
}

// outputValue is an SDK output as JSON would have it: absent members left out,
// streams as text, times in RFC 3339.
func outputValue(v reflect.Value) (any, error) {
	if v.Type() == timeType {
		return v.Interface().(time.Time).UTC().Format(time.RFC3339), nil
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil, nil
		}
		if stream, ok := v.Interface().(io.ReadCloser); ok {
			defer stream.Close()
			text, err := io.ReadAll(stream)
			return string(text), err
		}
		return outputValue(v.Elem())
	case reflect.Struct:
		members := map[string]any{}
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if !f.IsExported() || f.Name == "ResultMetadata" || absent(v.Field(i)) {
				continue
			}
			value, err := outputValue(v.Field(i))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.Name, err)
			}
			members[f.Name] = value
		}
		return members, nil
	case reflect.Slice:
		if v.Type() == bytesType {
			return jsonValue(v)
		}
		items := make([]any, v.Len())
		for i := range items {
			var err error
			if items[i], err = outputValue(v.Index(i)); err != nil {
				return nil, err
			}
		}
		return items, nil
	case reflect.Map:
		members := map[string]any{}
		for iter := v.MapRange(); iter.Next(); {
			value, err := outputValue(iter.Value())
			if err != nil {
				return nil, err
			}
			members[iter.Key().String()] = value
		}
		return members, nil
	}
	return jsonValue(v)
}

// absent members of an output are nil, or the empty value of an enumeration.
func absent(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Slice, reflect.Map:
		return v.IsNil()
	case reflect.String:
		return v.Len() == 0
	}
	return false
}

func jsonValue(v reflect.Value) (any, error) {
	b, err := json.Marshal(v.Interface())
	if err != nil {
		return nil, err
	}
	var value any
	err = json.Unmarshal(b, &value)
	return value, err
}
