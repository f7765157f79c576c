package main

import (
	"bytes"
	"mime/multipart"
	"net/http"
)

// postForm sends a form as a browser does, and gives the status of the answer.
func postForm(to string, fields map[string]string, file string) (int, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	for name, value := range fields {
		if err := form.WriteField(name, value); err != nil {
			return 0, err
		}
	}
	part, err := form.CreateFormFile("file", "file.txt")
	if err != nil {
		return 0, err
	}
	if _, err := part.Write([]byte(file)); err != nil {
		return 0, err
	}
	if err := form.Close(); err != nil {
		return 0, err
	}
	answer, err := http.Post(to, form.FormDataContentType(), &body)
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}
