module keyfob-test-pocketbase

go 1.24.0

require github.com/pocketbase/pocketbase v0.30.0
