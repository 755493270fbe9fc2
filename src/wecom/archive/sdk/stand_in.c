/* A library with the seventeen functions of WeCom's, for tests. What it does stands in files
 * beside it, so that every test has one of its own:
 *
 *   chat        lines of SEQ, tab, row as JSON
 *   media.ID    the file behind sdkfileid ID; "expired" is one that is too old
 *   pulls       grows by a byte with every GetChatData
 *   say.CALL    what happens at load, init, pull, open or media instead of the usual:
 *               [once ]abort | hang | exit | leak | print | babble | code N | json TEXT
 *
 * A closed message is hex of a checksum of key and text, and the text under a key stream.
 * A message that begins with "POISON" ends the process. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STRETCH 524288

typedef struct { char *buf; int len; } Slice_t;
typedef struct { char *outindexbuf; int out_len; char *data; int data_len; int is_finish; } MediaData_t;
typedef struct { int ready; } Sdk;

static char *path(const char *name) {
    static char whole[4096];
    Dl_info info;
    dladdr((void *)path, &info);
    snprintf(whole, sizeof whole, "%s", info.dli_fname);
    snprintf(strrchr(whole, '/') + 1, 512, "%s", name);
    return whole;
}

static char *read_all(const char *name, size_t *length) {
    FILE *file = fopen(path(name), "rb");
    if (!file) return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = malloc(size + 1);
    *length = fread(text, 1, size, file);
    text[*length] = 0;
    fclose(file);
    return text;
}

/* 0 goes on as usual; another number is the code to return, -1 for a page in `json`. */
static int say(const char *call, char **json) {
    char name[64];
    size_t length;
    snprintf(name, sizeof name, "say.%s", call);
    char *found = read_all(name, &length), *text = found;
    if (!text) return 0;
    if (!strncmp(text, "once ", 5)) {
        unlink(path(name));
        text += 5;
    }
    if (!strncmp(text, "abort", 5)) abort();
    if (!strncmp(text, "exit", 4)) _exit(0);
    if (!strncmp(text, "hang", 4)) for (;;) pause();
    if (!strncmp(text, "leak", 4)) {
        while (malloc(64 << 20)) {}
        abort();
    }
    if (!strncmp(text, "print", 5))
        for (int i = 0; i < 20000; i++) printf("WeWorkFinanceSdk:access:{\"line\":%d}\n", i), fflush(stdout);
    if (!strncmp(text, "babble", 6))
        for (int fd = 0; fd < 40; fd++)
            if (write(fd, "\x04\0\0\0\xff\xff\xff\xff", 8) < 0) continue;
    int code = 0;
    if (!strncmp(text, "code ", 5)) code = atoi(text + 5);
    if (!strncmp(text, "json ", 5) && json) {
        *json = strdup(text + 5);
        code = -1;
    }
    free(found);
    return code;
}

__attribute__((constructor)) static void loaded(void) { say("load", NULL); }

void *NewSdk(void) { return calloc(1, sizeof(Sdk)); }
void DestroySdk(Sdk *sdk) { free(sdk); }
Slice_t *NewSlice(void) { return calloc(1, sizeof(Slice_t)); }
void FreeSlice(Slice_t *slice) { if (slice) free(slice->buf), free(slice); }
char *GetContentFromSlice(Slice_t *slice) { return slice->buf; }
int GetSliceLen(Slice_t *slice) { return slice->len; }
MediaData_t *NewMediaData(void) { return calloc(1, sizeof(MediaData_t)); }
void FreeMediaData(MediaData_t *media) { if (media) free(media->outindexbuf), free(media->data), free(media); }
char *GetOutIndexBuf(MediaData_t *media) { return media->outindexbuf; }
char *GetData(MediaData_t *media) { return media->data; }
int GetIndexLen(MediaData_t *media) { return media->out_len; }
int GetDataLen(MediaData_t *media) { return media->data_len; }
int IsMediaDataFinish(MediaData_t *media) { return media->is_finish; }

static void fill(Slice_t *slice, char *text, size_t length) {
    free(slice->buf);
    slice->buf = text;
    slice->len = (int)length;
}

int Init(Sdk *sdk, const char *corpid, const char *secret) {
    if (!sdk || !corpid || !*corpid || !secret || !*secret) return 10000;
    int code = say("init", NULL);
    sdk->ready = !code;
    return code;
}

int GetChatData(Sdk *sdk, unsigned long long seq, unsigned int limit, const char *proxy, const char *passwd,
                int timeout, Slice_t *slice) {
    char *json = NULL;
    size_t length;
    FILE *pulls = fopen(path("pulls"), "ab");
    if (pulls) fputc('.', pulls), fclose(pulls);
    if (!sdk || !slice || !limit || limit > 1000) return 10000;
    if (!sdk->ready || timeout <= 0) return 10001;
    if (proxy && *proxy && strcmp(proxy, "http://127.0.0.1:9")) return 10001;
    if (proxy && *proxy && (!passwd || strcmp(passwd, "user:word"))) return 10001;
    int code = say("pull", &json);
    if (code == -1) {
        fill(slice, json, strlen(json));
        return 0;
    }
    if (code) return code;
    char *chat = read_all("chat", &length);
    char *page = malloc(length + 256), *end = page;
    end += sprintf(end, "{\"errcode\":0,\"errmsg\":\"ok\",\"chatdata\":[");
    unsigned int rows = 0;
    for (char *line = strtok(chat, "\n"); line && rows < limit; line = strtok(NULL, "\n")) {
        char *row = NULL;
        if (strtoull(line, &row, 10) <= seq) continue;
        end += sprintf(end, "%s%s", rows++ ? "," : "", row + 1);
    }
    end += sprintf(end, "]}");
    free(chat);
    fill(slice, page, end - page);
    return 0;
}

static uint64_t fnv(uint64_t sum, const char *bytes, size_t length) {
    for (size_t i = 0; i < length; i++) sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3ULL;
    return sum;
}

int DecryptData(const char *key, const char *message, Slice_t *slice) {
    if (!key || !message || !slice) return 10000;
    size_t length = strlen(message);
    if (length < 13 || !strncmp(message, "POISON", 6)) abort();
    int code = say("open", NULL);
    if (code) return code;
    unsigned char *bytes = malloc(length / 2 + 1);
    for (size_t i = 0; i < length / 2; i++) {
        unsigned int byte = 0;
        sscanf(message + 2 * i, "%2x", &byte);
        bytes[i] = byte;
    }
    uint64_t sum = fnv(0xcbf29ce484222325ULL, key, strlen(key)), stream = sum | 1;
    char *text = malloc(length / 2 + 1);
    size_t size = length / 2 - 8;
    for (size_t i = 0; i < size; i++) {
        stream ^= stream << 13, stream ^= stream >> 7, stream ^= stream << 17;
        text[i] = bytes[8 + i] ^ (unsigned char)stream;
    }
    sum = fnv(sum, text, size);
    int same = !memcmp(&sum, bytes, 8);
    free(bytes);
    if (!same) return free(text), 10008;
    fill(slice, text, size);
    return 0;
}

int GetMediaData(Sdk *sdk, const char *index, const char *fileid, const char *proxy, const char *passwd,
                 int timeout, MediaData_t *media) {
    char name[256], range[64];
    size_t length;
    long from = 0;
    (void)proxy, (void)passwd, (void)timeout;
    if (!sdk || !media || !fileid || !*fileid) return 10000;
    int code = say("media", NULL);
    if (code) return code;
    if (!strcmp(fileid, "expired")) return 10010;
    snprintf(name, sizeof name, "media.%s", fileid);
    char *file = read_all(name, &length);
    if (!file) return 10005;
    if (index && *index && sscanf(index, "Range:bytes=%ld-", &from) != 1) return 10000;
    long to = from + STRETCH < (long)length ? from + STRETCH : (long)length;
    media->data_len = to - from;
    media->data = malloc(media->data_len + 1);
    memcpy(media->data, file + from, media->data_len);
    media->is_finish = to == (long)length;
    if (!media->is_finish) {
        snprintf(range, sizeof range, "Range:bytes=%ld-%ld", to, to + STRETCH - 1);
        media->outindexbuf = strdup(range);
        media->out_len = strlen(range);
    }
    free(file);
    return 0;
}
