// The test API (see README.md) on net/http. Arguments: address:port, access log; for TLS
// certificate and key too.
package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
)

func jsonOf(size int) []byte {
	if size == 0 {
		return nil
	}
	return []byte(`{"name":"` + string(bytes.Repeat([]byte("x"), size-11)) + `"}`)
}

func main() {
	file, err := os.OpenFile(os.Args[2], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		log.Fatal(err)
	}
	var lock sync.Mutex
	answer := func(w http.ResponseWriter, r *http.Request) {
		received, _ := io.Copy(io.Discard, r.Body)
		status, body := http.StatusOK, []byte(fmt.Sprintf(`{"received":%d}`, received))
		switch {
		case r.URL.Path == "/api/v1/archive":
			status, body = http.StatusNotFound, []byte(`{"error":"archive"}`)
		case r.URL.Path == "/api/v1/failure":
			status, body = http.StatusInternalServerError, []byte(`{"error":"failure"}`)
		case r.Method == "GET" || r.Method == "HEAD":
			size := 64
			if text := r.URL.Query().Get("size"); text != "" {
				size, _ = strconv.Atoi(text)
			}
			body = jsonOf(size)
		case r.Method == "DELETE":
			status, body = http.StatusNoContent, nil
		case r.Method == "POST":
			status = http.StatusCreated
		}
		if status != http.StatusNoContent {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		}
		w.WriteHeader(status)
		if r.Method != "HEAD" {
			w.Write(body)
		}
		lock.Lock()
		fmt.Fprintf(file, "%s %s %d\n", r.Method, r.URL.Path, status)
		lock.Unlock()
	}
	server := &http.Server{Addr: os.Args[1], Handler: http.HandlerFunc(answer)}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		<-ended
		// In order: what was answered is logged before it ends.
		server.Shutdown(context.Background())
		close(done)
	}()
	if len(os.Args) > 4 {
		err = server.ListenAndServeTLS(os.Args[3], os.Args[4])
	} else {
		err = server.ListenAndServe()
	}
	if err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-done
}
