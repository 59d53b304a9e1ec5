/**
 * What goes over the wire, as the server's OpenAPI document has it: things by their names, requests and answers by their routes.
 * Made by `npm run generate`; not to be changed by hand.
 */

/** An error. */
export interface Error {
  readonly error: {
    /** Stable; to be acted on. */
    readonly code: "invalid_request" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "not_running" | "not_paused" | "sandbox_paused" | "limit_reached" | "host_has_sandboxes" | "host_deleted" | "payload_too_large" | "rate_limited" | "internal" | "host_failed" | "no_capacity" | "database_unavailable" | "host_unavailable" | "disk_full";
    /** For people; says what to do. */
    readonly message: string;
    /** With `host_has_sandboxes`: the sandboxes in the way. */
    readonly sandbox_ids?: readonly string[];
  };
}

/** A sandbox: a microVM of a team's own. */
export interface Sandbox {
  readonly id: string;
  readonly status: "pending" | "starting" | "running" | "pausing" | "paused" | "resuming" | "stopping" | "stopped" | "missing" | "error";
  /** The name of what it was made from. */
  readonly template: string;
  readonly vcpus: number;
  readonly memory_mb: number;
  /** Idle seconds after which it pauses itself; 0: never. */
  readonly timeout_sec: number;
  readonly internet: boolean;
  readonly host_id: string | null;
  readonly guest_ip: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly last_active_at: string | null;
  /** When its status last changed. */
  readonly last_updated: string;
  /** Why it is in `error`, or what a step waits for. */
  readonly error?: string;
}

/** What sandboxes are made from. */
export interface Template {
  readonly id: string;
  readonly name: string;
  /** `base`: an image, everyone's. `snapshot`: a team's own. */
  readonly type: "base" | "snapshot";
  readonly team_id: string | null;
  readonly vcpus: number | null;
  readonly memory_mb: number | null;
  readonly size_bytes: number | null;
  readonly created_at: string;
}

/** A machine that runs sandboxes. */
export interface Host {
  readonly id: string;
  readonly type: "regular" | "byoc";
  readonly team_id: string | null;
  readonly provider: string | null;
  readonly availability_zone: string | null;
  readonly arch: string | null;
  readonly cpu_cores: number | null;
  readonly memory_mb: number | null;
  readonly disk_gb: number | null;
  readonly address: string | null;
  readonly vmm: {
    readonly name: string;
    readonly version: string | null;
    readonly accelerator: string | null;
  } | null;
  readonly disk_driver: string | null;
  readonly status: "pending" | "online" | "offline" | "draining" | "unreachable";
  readonly last_heartbeat_at: string | null;
  readonly tags: readonly string[];
  readonly created_by: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A team: what sandboxes, snapshots and keys belong to. */
export interface Team {
  readonly id: string;
  readonly name: string;
  /** Of the one who asks. */
  readonly role: "owner" | "admin" | "member";
  readonly created_at: string;
}

/** Someone in a team. */
export interface TeamMember {
  readonly id: string;
  readonly email: string;
  readonly role: "owner" | "admin" | "member";
  /** When they came to the team. */
  readonly created_at: string;
}

/** An invitation: lets one email into a team. */
export interface TeamInvite {
  readonly id: string;
  readonly team_id: string;
  readonly email: string;
  readonly role: "owner" | "admin" | "member";
  readonly created_by: string | null;
  readonly created_at: string;
  readonly expires_at: string;
}

/** A change: who, what, when, from where. */
export interface AuditEvent {
  readonly id: string;
  readonly at: string;
  /** An email, or a key's name, as it was then. */
  readonly actor: string;
  readonly user_id: string | null;
  readonly key_id: string | null;
  /** Such as `api-key.create`. */
  readonly action: string;
  readonly subject: string | null;
  /** `begun`: its end was not seen. */
  readonly outcome: "begun" | "done" | "failed";
  readonly details: Readonly<Record<string, unknown>>;
  readonly address: string | null;
  readonly request_id: string | null;
}

/** An API key, without the key itself. */
export interface ApiKey {
  readonly id: string;
  readonly team_id: string;
  readonly name: string;
  /** The key's first characters, to tell keys apart. */
  readonly key_prefix: string;
  readonly created_by: string | null;
  readonly created_at: string;
  readonly last_used: string | null;
  readonly expires_at: string | null;
}

/** A client's message on /exec/stream. */
export type ExecStreamRequest = {
  readonly type: "start";
  /** A program, by path or by name in PATH. No shell. */
  readonly cmd: string;
  readonly args: readonly string[];
  /** Beside the sandbox's own. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The sandbox's default user if absent. */
  readonly user?: string;
  /** A name to attach it by; made up if absent. */
  readonly tag?: string;
  /** False: its standard input is empty. */
  readonly stdin: boolean;
  /** `base64`: all output is told as that. Else only what is no UTF-8. */
  readonly encoding: "utf-8" | "base64";
} | {
  readonly type: "attach";
  readonly pid?: number;
  readonly tag?: string;
  /** `base64`: all output is told as that. Else only what is no UTF-8. */
  readonly encoding: "utf-8" | "base64";
} | {
  readonly type: "stdin";
  readonly data: string;
  /** Of `data`. */
  readonly encoding: "utf-8" | "base64";
} | {
  readonly type: "close_stdin";
} | {
  readonly type: "signal";
  readonly signal: "SIGHUP" | "SIGINT" | "SIGQUIT" | "SIGILL" | "SIGTRAP" | "SIGABRT" | "SIGIOT" | "SIGBUS" | "SIGFPE" | "SIGKILL" | "SIGUSR1" | "SIGSEGV" | "SIGUSR2" | "SIGPIPE" | "SIGALRM" | "SIGTERM" | "SIGCHLD" | "SIGSTKFLT" | "SIGCONT" | "SIGSTOP" | "SIGTSTP" | "SIGTTIN" | "SIGTTOU" | "SIGURG" | "SIGXCPU" | "SIGXFSZ" | "SIGVTALRM" | "SIGPROF" | "SIGWINCH" | "SIGIO" | "SIGPOLL" | "SIGPWR" | "SIGSYS" | number;
} | {
  readonly type: "stop";
};

/** The server's message on /exec/stream. */
export type ExecStreamEvent = {
  readonly type: "start";
  readonly pid: number;
  readonly tag: string;
  /** Of its output so far, what nobody has read and was not kept. */
  readonly dropped_bytes: number;
} | {
  readonly type: "stdout";
  /** Characters are whole. */
  readonly data: string;
  readonly encoding?: "base64";
} | {
  readonly type: "stderr";
  /** Characters are whole. */
  readonly data: string;
  readonly encoding?: "base64";
} | {
  readonly type: "exit";
  /** 127: no such program; 128 + n: ended by signal n. */
  readonly exit_code: number;
} | {
  readonly type: "error";
  readonly code: string;
  readonly data: string;
};

/** A client's text message on /pty. A binary one is typed into the terminal. */
export type PtyRequest = {
  readonly type: "start";
  readonly cols: number;
  readonly rows: number;
  /** The user's shell if absent. */
  readonly cmd?: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The sandbox's default user if absent. */
  readonly user?: string;
  /** A name to attach it by; made up if absent. */
  readonly tag?: string;
} | {
  readonly type: "attach";
  readonly pid?: number;
  readonly tag?: string;
  readonly cols?: number;
  readonly rows?: number;
} | {
  readonly type: "resize";
  readonly cols: number;
  readonly rows: number;
} | {
  readonly type: "signal";
  readonly signal: "SIGHUP" | "SIGINT" | "SIGQUIT" | "SIGILL" | "SIGTRAP" | "SIGABRT" | "SIGIOT" | "SIGBUS" | "SIGFPE" | "SIGKILL" | "SIGUSR1" | "SIGSEGV" | "SIGUSR2" | "SIGPIPE" | "SIGALRM" | "SIGTERM" | "SIGCHLD" | "SIGSTKFLT" | "SIGCONT" | "SIGSTOP" | "SIGTSTP" | "SIGTTIN" | "SIGTTOU" | "SIGURG" | "SIGXCPU" | "SIGXFSZ" | "SIGVTALRM" | "SIGPROF" | "SIGWINCH" | "SIGIO" | "SIGPOLL" | "SIGPWR" | "SIGSYS" | number;
} | {
  readonly type: "stop";
};

/** The server's text message on /pty. A binary one is what the terminal shows. */
export type PtyEvent = {
  readonly type: "start";
  readonly pid: number;
  readonly tag: string;
  /** Of its output so far, what nobody has read and was not kept. */
  readonly dropped_bytes: number;
} | {
  readonly type: "exit";
  /** 127: no such program; 128 + n: ended by signal n. */
  readonly exit_code: number;
} | {
  readonly type: "error";
  readonly code: string;
  readonly data: string;
};

/** A client's message on /files/watch. */
export type WatchRequest = {
  readonly type: "start";
  readonly path: string;
  readonly recursive: boolean;
  /** The sandbox's default user if absent. */
  readonly user?: string;
};

/** The server's message on /files/watch. */
export type WatchEvent = {
  readonly type: "start";
} | {
  readonly type: "event";
  readonly event: "create" | "write" | "remove" | "rename" | "chmod";
  /** Below the folder that is watched. */
  readonly name: string;
  /** A file, folder or link. */
  readonly entry?: {
    readonly name: string;
    readonly path: string;
    /** Of what a link leads to; `symlink`: one that leads nowhere. */
    readonly type: "file" | "directory" | "symlink" | "other";
    /** In bytes. */
    readonly size: number;
    readonly mode: number;
    readonly permissions: string;
    readonly owner: string;
    readonly group: string;
    readonly modified_at: string;
    /** Of a link: where it leads. */
    readonly symlink_target?: string;
  };
} | {
  readonly type: "error";
  readonly code: string;
  readonly data: string;
};

/** By method and path. */
export interface Routes {
  /** Make an account, with a team of its own. */
  readonly "POST /v1/auth/signup": {
    readonly body: {
      readonly email: string;
      readonly password: string;
      /** An invitation's token: one is in the team that invites, too. */
      readonly invite?: string;
    };
    readonly answer: {
      /** For `Authorization: Bearer …`; good for six hours. */
      readonly token: string;
      readonly user_id: string;
      /** The team that the session acts for. */
      readonly team_id: string;
      readonly email: string;
    };
  };
  /** Open a session. */
  readonly "POST /v1/auth/login": {
    readonly body: {
      readonly email: string;
      readonly password: string;
    };
    readonly answer: {
      /** For `Authorization: Bearer …`; good for six hours. */
      readonly token: string;
      readonly user_id: string;
      /** The team that the session acts for. */
      readonly team_id: string;
      readonly email: string;
    };
  };
  /** Open a session for another of one's teams. */
  readonly "POST /v1/auth/switch": {
    readonly body: {
      readonly team_id: string;
    };
    readonly answer: {
      /** For `Authorization: Bearer …`; good for six hours. */
      readonly token: string;
      readonly user_id: string;
      /** The team that the session acts for. */
      readonly team_id: string;
      readonly email: string;
    };
  };
  /** Take another password; all of one's sessions end, and a new one is opened. */
  readonly "POST /v1/auth/password": {
    readonly body: {
      readonly current_password: string;
      readonly new_password: string;
    };
    readonly answer: {
      /** For `Authorization: Bearer …`; good for six hours. */
      readonly token: string;
      readonly user_id: string;
      /** The team that the session acts for. */
      readonly team_id: string;
      readonly email: string;
    };
  };
  /** Who this session is. */
  readonly "GET /v1/me": {
    readonly answer: {
      readonly user: {
        readonly id: string;
        readonly email: string;
        readonly is_admin: boolean;
        readonly created_at: string;
      };
      /** The team that this session acts for. */
      readonly team_id: string;
      readonly teams: readonly ({
        readonly id: string;
        readonly name: string;
        readonly role: "owner" | "admin" | "member";
      })[];
    };
  };
  /** List one's teams, newest first. */
  readonly "GET /v1/teams": {
    readonly query: {
      /** The most that one page holds. */
      readonly limit?: number;
      /** From the `Link` header of the page before. */
      readonly cursor?: string;
    };
    readonly answer: readonly Team[];
  };
  /** Make a team; who makes it owns it. */
  readonly "POST /v1/teams": {
    readonly body: {
      readonly name: string;
    };
    readonly answer: Team;
  };
  /** Show a team. */
  readonly "GET /v1/teams/{id}": {
    readonly answer: Team;
  };
  /** Rename a team. */
  readonly "PATCH /v1/teams/{id}": {
    readonly body: {
      readonly name: string;
    };
    readonly answer: Team;
  };
  /** List what was changed in a team, newest first. */
  readonly "GET /v1/teams/{id}/audit": {
    readonly query: {
      /** The most that one page holds. */
      readonly limit?: number;
      /** From the `Link` header of the page before. */
      readonly cursor?: string;
    };
    readonly answer: readonly AuditEvent[];
  };
  /** List who is in a team, newest first. */
  readonly "GET /v1/teams/{id}/members": {
    readonly query: {
      /** The most that one page holds. */
      readonly limit?: number;
      /** From the `Link` header of the page before. */
      readonly cursor?: string;
    };
    readonly answer: readonly TeamMember[];
  };
  /** Give a member another role; a team is never without an owner. */
  readonly "PATCH /v1/teams/{id}/members/{user_id}": {
    readonly body: {
      readonly role: "owner" | "admin" | "member";
    };
    readonly answer: TeamMember;
  };
  /** Remove a member, or leave; the keys and invitations that they made go, too. */
  readonly "DELETE /v1/teams/{id}/members/{user_id}": {
    readonly answer: null;
  };
  /** Invite someone by email; an earlier invitation of theirs is void. */
  readonly "POST /v1/teams/{id}/invites": {
    readonly body: {
      readonly email: string;
      readonly role?: "owner" | "admin" | "member";
    };
    readonly answer: {
      readonly id: string;
      readonly team_id: string;
      readonly email: string;
      readonly role: "owner" | "admin" | "member";
      readonly created_by: string | null;
      readonly created_at: string;
      readonly expires_at: string;
      /** To be passed on to the invited. Shown here only. */
      readonly token: string;
    };
  };
  /** List a team's open invitations, newest first. */
  readonly "GET /v1/teams/{id}/invites": {
    readonly query: {
      /** The most that one page holds. */
      readonly limit?: number;
      /** From the `Link` header of the page before. */
      readonly cursor?: string;
    };
    readonly answer: readonly TeamInvite[];
  };
  /** Take an invitation back. */
  readonly "DELETE /v1/teams/{id}/invites/{invite_id}": {
    readonly answer: null;
  };
  /** Accept an invitation. */
  readonly "POST /v1/invites/accept": {
    readonly body: {
      readonly token: string;
    };
    readonly answer: Team;
  };
  /** What the team may have at once, and has. */
  readonly "GET /v1/limits": {
    readonly answer: {
      /** Until they are destroyed. */
      readonly sandboxes: {
        readonly used: number;
        readonly limit: number | null;
      };
      /** Of sandboxes that are on a host: not of paused ones. */
      readonly vcpus: {
        readonly used: number;
        readonly limit: number | null;
      };
      /** Likewise, in MiB. */
      readonly memory_mb: {
        readonly used: number;
        readonly limit: number | null;
      };
      /** Named ones. */
      readonly snapshots: {
        readonly used: number;
        readonly limit: number | null;
      };
      /** What the snapshots hold on disks, in MiB. */
      readonly disk_mb: {
        readonly used: number;
        readonly limit: number | null;
      };
    };
  };
  /** Make an API key. */
  readonly "POST /v1/api-keys": {
    readonly body: {
      readonly name: string;
      /** When it ends; without it, never. */
      readonly expires_at?: string;
    };
    readonly answer: {
      readonly id: string;
      readonly team_id: string;
      readonly name: string;
      /** The key's first characters, to tell keys apart. */
      readonly key_prefix: string;
      readonly created_by: string | null;
      readonly created_at: string;
      readonly last_used: string | null;
      readonly expires_at: string | null;
      /** Shown here only, and never again. */
      readonly key: string;
    };
  };
  /** List the team's API keys, newest first. */
  readonly "GET /v1/api-keys": {
    readonly query: {
      /** The most that one page holds. */
      readonly limit?: number;
      /** From the `Link` header of the page before. */
      readonly cursor?: string;
    };
    readonly answer: readonly ApiKey[];
  };
  /** Delete an API key; it opens nothing from then on. */
  readonly "DELETE /v1/api-keys/{id}": {
    readonly answer: null;
  };
  /** Make a sandbox; answered when it takes commands. */
  readonly "POST /v1/sandboxes": {
    readonly body: {
      /** A base image, or a snapshot of the team's. */
      readonly template?: string;
      readonly vcpus?: number;
      /** In MiB; at most what the largest host has. */
      readonly memory_mb?: number;
      /** Idle seconds after which it pauses itself; 0: never. */
      readonly timeout_sec?: number;
      /** Names and texts of one's own, to find the sandbox by. */
      readonly metadata?: Readonly<Record<string, string>>;
      /** For all of its commands. */
      readonly env?: Readonly<Record<string, string>>;
      /** False: it reaches nothing outside itself. */
      readonly internet?: boolean;
    };
    readonly answer: Sandbox;
  };
  /** List the team's sandboxes, newest first. */
  readonly "GET /v1/sandboxes": {
    readonly query: {
      /** The most that one page holds. */
      readonly limit?: number;
      /** From the `Link` header of the page before. */
      readonly cursor?: string;
      /** Only these; may be repeated. Without it all but `stopped`. */
      readonly status?: readonly ("pending" | "starting" | "running" | "pausing" | "paused" | "resuming" | "stopping" | "stopped" | "missing" | "error")[];
    };
    readonly answer: readonly Sandbox[];
  };
  /** Show a sandbox. */
  readonly "GET /v1/sandboxes/{id}": {
    readonly answer: Sandbox;
  };
  /** Destroy a sandbox, in whatever state it is. */
  readonly "DELETE /v1/sandboxes/{id}": {
    readonly answer: null;
  };
  /** Freeze a sandbox to disk; answered when it holds nothing of its host but files. */
  readonly "POST /v1/sandboxes/{id}/pause": {
    readonly answer: Sandbox;
  };
  /** Wake a sandbox that is paused, or in `error`; answered when it takes commands. */
  readonly "POST /v1/sandboxes/{id}/resume": {
    readonly body: {
      /** `disk`: boots the newest state of its disk; what was in memory is given up. */
      readonly mode?: "memory" | "disk";
      /** Its last generation. */
      readonly from?: "last";
    };
    readonly answer: Sandbox;
  };
  /** Say that a sandbox is in use: the time until it pauses itself begins anew. */
  readonly "POST /v1/sandboxes/{id}/ping": {
    readonly answer: null;
  };
  /** Run a command to its end. */
  readonly "POST /v1/sandboxes/{id}/exec": {
    readonly body: {
      /** A program, by path or by name in PATH. No shell. */
      readonly cmd: string;
      readonly args?: readonly string[];
      /** Beside the sandbox's own. */
      readonly env?: Readonly<Record<string, string>>;
      readonly cwd?: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
      /** What it reads, as UTF-8; then its input ends. */
      readonly stdin?: string;
      /** After this its whole process group is killed. */
      readonly timeout_sec?: number;
    };
    readonly answer: {
      readonly sandbox_id: string;
      readonly cmd: string;
      readonly stdout: string;
      readonly stderr: string;
      readonly exit_code: number | null;
      readonly duration_ms: number;
      /** Of stdout and stderr both. */
      readonly encoding: "utf-8" | "base64";
      readonly timed_out: boolean;
      /** There was more output than an answer holds. */
      readonly truncated: boolean;
    };
  };
  /** What its console and its VMM printed last. */
  readonly "GET /v1/sandboxes/{id}/logs": {
    readonly query: {
      /** Of the end of each. */
      readonly limit_bytes?: number;
    };
    readonly answer: {
      readonly console: string;
      readonly vmm: string;
    };
  };
  /** Run a command and follow it. */
  readonly "GET /v1/sandboxes/{id}/exec/stream": {
    readonly answer: null;
  };
  /** A terminal. */
  readonly "GET /v1/sandboxes/{id}/pty": {
    readonly answer: null;
  };
  /** Changes in a folder, as they happen. */
  readonly "GET /v1/sandboxes/{id}/files/watch": {
    readonly answer: null;
  };
  /** What runs in it. */
  readonly "GET /v1/sandboxes/{id}/processes": {
    readonly answer: readonly {
      readonly pid: number;
      /** Its name; empty if it has none. */
      readonly tag: string;
      readonly cmd: string;
      readonly args: readonly string[];
      /** Empty: that of its user. */
      readonly cwd: string;
    }[];
  };
  /** Send a process, and its whole group, a signal. */
  readonly "DELETE /v1/sandboxes/{id}/processes/{process}": {
    readonly query: {
      readonly signal?: "SIGHUP" | "SIGINT" | "SIGQUIT" | "SIGILL" | "SIGTRAP" | "SIGABRT" | "SIGIOT" | "SIGBUS" | "SIGFPE" | "SIGKILL" | "SIGUSR1" | "SIGSEGV" | "SIGUSR2" | "SIGPIPE" | "SIGALRM" | "SIGTERM" | "SIGCHLD" | "SIGSTKFLT" | "SIGCONT" | "SIGSTOP" | "SIGTSTP" | "SIGTTIN" | "SIGTTOU" | "SIGURG" | "SIGXCPU" | "SIGXFSZ" | "SIGVTALRM" | "SIGPROF" | "SIGWINCH" | "SIGIO" | "SIGPOLL" | "SIGPWR" | "SIGSYS" | number;
    };
    readonly answer: null;
  };
  /** Write a file; it is there whole or not at all. */
  readonly "POST /v1/sandboxes/{id}/files/write": {
    readonly body: {
      /** Must come before `file`. */
      readonly path: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
      readonly file: Blob;
    };
    readonly answer: null;
  };
  /** Write a file of any size; it is there whole or not at all. */
  readonly "POST /v1/sandboxes/{id}/files/stream/write": {
    readonly query: {
      /** Of a bare body (`application/octet-stream`). */
      readonly path?: string;
      /** The same. */
      readonly user?: string;
    };
    readonly body: {
      /** Must come before `file`. */
      readonly path: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
      readonly file: Blob;
    };
    readonly answer: null;
  };
  /** Read a file. */
  readonly "POST /v1/sandboxes/{id}/files/read": {
    readonly body: {
      readonly path: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
    };
    readonly answer: Blob;
  };
  /** Read a file of any size. */
  readonly "POST /v1/sandboxes/{id}/files/stream/read": {
    readonly body: {
      readonly path: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
    };
    readonly answer: Blob;
  };
  /** List a folder. */
  readonly "POST /v1/sandboxes/{id}/files/list": {
    readonly body: {
      readonly path: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
      /** 1: only its own entries. More: those of the folders in it, too; links are not followed. */
      readonly depth?: number;
    };
    readonly answer: readonly ({
      readonly name: string;
      readonly path: string;
      /** Of what a link leads to; `symlink`: one that leads nowhere. */
      readonly type: "file" | "directory" | "symlink" | "other";
      /** In bytes. */
      readonly size: number;
      readonly mode: number;
      readonly permissions: string;
      readonly owner: string;
      readonly group: string;
      readonly modified_at: string;
      /** Of a link: where it leads. */
      readonly symlink_target?: string;
    })[];
  };
  /** Describe a file. */
  readonly "POST /v1/sandboxes/{id}/files/stat": {
    readonly body: {
      readonly path: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
    };
    readonly answer: {
      readonly name: string;
      readonly path: string;
      /** Of what a link leads to; `symlink`: one that leads nowhere. */
      readonly type: "file" | "directory" | "symlink" | "other";
      /** In bytes. */
      readonly size: number;
      readonly mode: number;
      readonly permissions: string;
      readonly owner: string;
      readonly group: string;
      readonly modified_at: string;
      /** Of a link: where it leads. */
      readonly symlink_target?: string;
    };
  };
  /** Make a folder, and the folders above it. */
  readonly "POST /v1/sandboxes/{id}/files/mkdir": {
    readonly body: {
      readonly path: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
    };
    readonly answer: {
      readonly name: string;
      readonly path: string;
      /** Of what a link leads to; `symlink`: one that leads nowhere. */
      readonly type: "file" | "directory" | "symlink" | "other";
      /** In bytes. */
      readonly size: number;
      readonly mode: number;
      readonly permissions: string;
      readonly owner: string;
      readonly group: string;
      readonly modified_at: string;
      /** Of a link: where it leads. */
      readonly symlink_target?: string;
    };
  };
  /** Remove a file, or a folder with all below it. */
  readonly "POST /v1/sandboxes/{id}/files/remove": {
    readonly body: {
      readonly path: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
    };
    readonly answer: null;
  };
  /** Move or rename a file or folder; the folders above its destination are made. */
  readonly "POST /v1/sandboxes/{id}/files/move": {
    readonly body: {
      readonly path: string;
      /** The sandbox's default user if absent. */
      readonly user?: string;
      readonly destination: string;
    };
    readonly answer: {
      readonly name: string;
      readonly path: string;
      /** Of what a link leads to; `symlink`: one that leads nowhere. */
      readonly type: "file" | "directory" | "symlink" | "other";
      /** In bytes. */
      readonly size: number;
      readonly mode: number;
      readonly permissions: string;
      readonly owner: string;
      readonly group: string;
      readonly modified_at: string;
      /** Of a link: where it leads. */
      readonly symlink_target?: string;
    };
  };
  /** Make a snapshot of a sandbox; answered when others can be made from it. */
  readonly "POST /v1/snapshots": {
    readonly query: {
      /** Replaces the team's snapshot of this name, which stays until the new one is whole. */
      readonly overwrite?: boolean;
    };
    readonly body: {
      /** One that runs, or is paused. It stays. */
      readonly sandbox_id: string;
      /** Made up if absent. */
      readonly name?: string;
      /** What the sandbox is afterwards. */
      readonly leave?: "paused" | "running";
    };
    readonly answer: Template;
  };
  /** List the base images and the team's snapshots, newest first. */
  readonly "GET /v1/snapshots": {
    readonly query: {
      /** The most that one page holds. */
      readonly limit?: number;
      /** From the `Link` header of the page before. */
      readonly cursor?: string;
      /** Only these. */
      readonly type?: "base" | "snapshot";
    };
    readonly answer: readonly Template[];
  };
  /** Delete a snapshot; sandboxes made from it live on. */
  readonly "DELETE /v1/snapshots/{name}": {
    readonly answer: null;
  };
  /** Announce a host, and get the token with which its machine joins. */
  readonly "POST /v1/hosts": {
    readonly body: {
      readonly type?: "regular" | "byoc";
      readonly provider?: string;
      readonly availability_zone?: string;
    };
    readonly answer: {
      readonly host: Host;
      /** Lets one machine join, once, within an hour. Shown here only. */
      readonly registration_token: string;
    };
  };
  /** List hosts, newest first: for admins the shared ones, for everyone their team's own. */
  readonly "GET /v1/hosts": {
    readonly query: {
      /** The most that one page holds. */
      readonly limit?: number;
      /** From the `Link` header of the page before. */
      readonly cursor?: string;
    };
    readonly answer: readonly Host[];
  };
  /** Show a host. */
  readonly "GET /v1/hosts/{id}": {
    readonly answer: Host;
  };
  /** Remove a host. */
  readonly "DELETE /v1/hosts/{id}": {
    readonly query: {
      /** Destroy its sandboxes first. */
      readonly force?: boolean;
    };
    readonly answer: null;
  };
  /** A new token for a host that has not joined; the one before is void. */
  readonly "POST /v1/hosts/{id}/token": {
    readonly answer: {
      /** Lets one machine join, once, within an hour. Shown here only. */
      readonly registration_token: string;
    };
  };
  /** Join, with a one-time token. */
  readonly "POST /v1/hosts/register": {
    readonly body: {
      readonly token: string;
      /** Where the control plane reaches the host's agent. */
      readonly address: string;
      readonly arch: string;
      readonly cpu_cores: number;
      readonly memory_mb: number;
      readonly disk_gb: number;
      /** PKCS #10 in PEM; only its key is used. */
      readonly csr: string;
      readonly vmm: {
        readonly name: string;
        readonly version: string;
        readonly accelerator: string;
      };
      readonly disk_driver: string;
    };
    readonly answer: {
      readonly host: Host;
      /** For `X-Host-Token`; seven days. */
      readonly token: string;
      /** Sixty days. */
      readonly refresh_token: string;
      /** The host's, in PEM: serverAuth, for `<id>.roost.internal`. */
      readonly certificate: string;
      /** The authority that the control plane's certificate is of, in PEM. */
      readonly ca: string;
    };
  };
  /** New credentials for old; the old ones stay good until the new ones are first used. */
  readonly "POST /v1/hosts/auth/refresh": {
    readonly body: {
      readonly refresh_token: string;
      /** PKCS #10 in PEM; only its key is used. */
      readonly csr?: string;
    };
    readonly answer: {
      readonly token: string;
      readonly refresh_token: string;
      /** With `csr` only. */
      readonly certificate?: string;
      readonly ca: string;
    };
  };
  /** Say that the host is there, and all that it has. */
  readonly "POST /v1/hosts/{id}/heartbeat": {
    readonly body: {
      readonly load: {
        readonly sandboxes: number;
        readonly vcpus: number;
        readonly memory_mb: number;
        readonly disk_free_mb: number;
      };
      /** All that the host has, in whatever state. */
      readonly sandboxes: readonly ({
        readonly id: string;
        readonly status: "starting" | "running" | "pausing" | "paused" | "resuming" | "stopping" | "error";
        readonly reason?: string;
      })[];
    };
    readonly answer: null;
  };
  /** The process lives. */
  readonly "GET /healthz": {
    readonly answer: {
      readonly status: "ok";
    };
  };
  /** Requests are served. */
  readonly "GET /readyz": {
    readonly answer: {
      readonly status: "ok";
    };
  };
}
