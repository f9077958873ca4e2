/* Sends forged datagrams from invented sources: forger TARGET RATE SECONDS KIND...
 *
 * KIND is "unmatched" (a SCCRQ that no group wants), "matched" (one that a group with a secret
 * wants) or "garbage" (octets); with several they take turns.  Prints how many were sent.
 * RFC 2661 section 6.1 has the SCCRQ; IPv4 header and UDP header are made here (raw socket).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, SPACE = 160, HEADERS = 28 };

static uint64_t dice = 0x9E3779B97F4A7C15u;

static uint32_t throw(void)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (uint32_t)(dice >> 16);
}

static double now(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + 1e-9 * (double)at.tv_nsec;
}

static unsigned char *avp(unsigned char *at, unsigned type, const void *value, unsigned octets)
{
    unsigned char head[6] = {0x80, (unsigned char)(octets + 6), 0, 0, 0, (unsigned char)type};
    memcpy(at, head, 6);
    memcpy(at + 6, value, octets);
    return at + 6 + octets;
}

static unsigned sccrq(unsigned char *data, const char *hostname)
{
    unsigned char *at = data + 12;
    at = avp(at, 0, "\0\1", 2);
    at = avp(at, 2, "\1\0", 2);
    at = avp(at, 3, "\0\0\0\3", 4);
    at = avp(at, 7, hostname, (unsigned)strlen(hostname));
    at = avp(at, 8, "forger", 6);
    uint16_t tunnel = (uint16_t)(1 + throw() % 65535);
    at = avp(at, 9, &tunnel, 2);
    at = avp(at, 10, "\0\4", 2);
    unsigned octets = (unsigned)(at - data);
    unsigned char head[12] = {0xc8, 2, (unsigned char)(octets >> 8), (unsigned char)octets};
    memcpy(data, head, 12);
    return octets;
}

static unsigned payload(unsigned char *data, const char *kind)
{
    if (!strcmp(kind, "unmatched"))
        return sccrq(data, "nobody");
    if (!strcmp(kind, "matched"))
        return sccrq(data, "evil");
    for (int i = 0; i < 60; i++)
        data[i] = (unsigned char)throw();
    return 60;
}

int main(int argc, char **argv)
{
    if (argc < 5)
        return 2;
    struct sockaddr_in target = {.sin_family = AF_INET};
    inet_pton(AF_INET, argv[1], &target.sin_addr);
    double rate = atof(argv[2]), until = now() + atof(argv[3]), began = now();
    int kinds = argc - 4, raw = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    if (raw < 0)
        return perror("socket"), 1;
    static unsigned char packets[BATCH][SPACE];
    static struct iovec vectors[BATCH];
    static struct mmsghdr messages[BATCH];
    unsigned long sent = 0, failed = 0;
    for (int i = 0; i < BATCH; i++) {
        vectors[i].iov_base = packets[i];
        messages[i].msg_hdr = (struct msghdr){.msg_name = &target, .msg_namelen = sizeof target,
                                              .msg_iov = &vectors[i], .msg_iovlen = 1};
    }
    while (now() < until) {
        double due = (now() - began) * rate - (double)sent;
        if (due < BATCH) {
            struct timespec pause = {0, 500000};
            nanosleep(&pause, NULL);
            continue;
        }
        for (int i = 0; i < BATCH; i++) {
            unsigned octets = payload(packets[i] + HEADERS, argv[4 + (sent + (unsigned)i) % (unsigned)kinds]);
            struct iphdr ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
                               .tot_len = htons((uint16_t)(HEADERS + octets)),
                               .saddr = htonl(0x0B000000u + throw() % 0x40000000u), .daddr = target.sin_addr.s_addr};
            struct udphdr udp = {.source = htons((uint16_t)(1024 + throw() % 60000)), .dest = htons(1701),
                                 .len = htons((uint16_t)(8 + octets))};
            memcpy(packets[i], &ip, 20);
            memcpy(packets[i] + 20, &udp, 8);
            vectors[i].iov_len = HEADERS + octets;
        }
        int went = sendmmsg(raw, messages, BATCH, 0);
        if (went < 0) {
            failed++;
            if (errno != ENOBUFS && errno != EAGAIN)
                return perror("sendmmsg"), 1;
            continue;
        }
        sent += (unsigned long)went;
    }
    printf("{\"sent\": %lu, \"rate\": %.0f, \"failed\": %lu}\n", sent, (double)sent / (now() - began), failed);
    return 0;
}
