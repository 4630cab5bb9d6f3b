// A member of a group by franz-go, for groups-mixed.client.ts: BOOTSTRAP GROUP TOPIC PROTOCOL SESSION_MS.
// It commits after each poll, and what it was given before it says that it let a partition go. Its lines are those of group-members.ts.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

var out = bufio.NewWriter(os.Stdout)

func say(kind string, partitions map[string][]int32) {
	for _, of := range partitions {
		for _, partition := range of {
			fmt.Fprintf(out, "%s %d %d\n", kind, time.Now().UnixMilli(), partition)
		}
	}
	out.Flush()
}

func main() {
	group, topic, protocol := os.Args[2], os.Args[3], os.Args[4]
	sessionMs, _ := strconv.Atoi(os.Args[5])
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer cancel()
	options := []kgo.Opt{
		kgo.SeedBrokers(os.Args[1]),
		kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic),
		// Alone it would offer cooperative-sticky only, which no other client here speaks.
		kgo.Balancers(kgo.RangeBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.DisableAutoCommit(),
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(func(_ context.Context, _ *kgo.Client, given map[string][]int32) { say("A", given) }),
		kgo.OnPartitionsRevoked(func(_ context.Context, _ *kgo.Client, taken map[string][]int32) { say("X", taken) }),
		kgo.OnPartitionsLost(func(_ context.Context, _ *kgo.Client, lost map[string][]int32) { say("L", lost) }),
	}
	if protocol == "consumer" {
		options = append(options, kgo.ServerSideBalancer())
	} else {
		options = append(options, kgo.SessionTimeout(time.Duration(sessionMs)*time.Millisecond), kgo.HeartbeatInterval(500*time.Millisecond))
	}
	client, err := kgo.NewClient(options...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for stop.Err() == nil {
		fetches := client.PollRecords(stop, 200)
		next := map[int32]int64{}
		fetches.EachRecord(func(record *kgo.Record) {
			fmt.Fprintf(out, "R %d %d\n", record.Partition, record.Offset)
			next[record.Partition] = record.Offset + 1
		})
		out.Flush()
		if len(next) > 0 {
			if err := client.CommitRecords(context.Background(), fetches.Records()...); err != nil {
				fmt.Fprintln(os.Stderr, "commit:", err)
			} else {
				for partition, offset := range next {
					fmt.Fprintf(out, "C %d %d\n", partition, offset)
				}
				out.Flush()
			}
		}
		client.AllowRebalance()
	}
	// Leaves the group.
	client.CloseAllowingRebalance()
	out.Flush()
}
