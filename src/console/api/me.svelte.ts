import { answerOf, api, refusals } from "./call.ts";
import { may, type Operation, type Role } from "./may.ts";

/** The person at the screen. `expired`: the session ended while a screen was open, which stays as it is. */
type Standing = "unknown" | "not-set-up" | "signed-out" | "signed-in" | "expired" | "unreachable";

class Me {
  standing = $state<Standing>("unknown");
  id = $state("");
  user = $state("");
  role = $state<Role>();
  /** The role asks for a second factor, and there is none: nothing else is open before. */
  needsFactor = $state(false);

  constructor() {
    refusals.heard = ({ code }) => {
      if (code === "SECOND_FACTOR_MISSING") this.needsFactor = true;
      if (code === "NOT_SIGNED_IN" && this.standing === "signed-in") this.standing = "expired";
    };
  }

  /** Whether this person may call an operation. */
  may(operation: Operation): boolean {
    return may(this.role, operation);
  }

  /** Asks the server who this is. */
  async load(): Promise<void> {
    try {
      const { body } = await answerOf(api.GET("/api/v1/session"));
      this.arrived(body);
    } catch (error) {
      const { code } = error as { code: string };
      this.standing = STANDING_OF[code] ?? "unreachable";
    }
  }

  arrived({ id, user, role }: { id: string; user: string; role: Role }): void {
    this.id = id;
    this.user = user;
    this.role = role;
    this.standing = "signed-in";
  }

  async signOut(): Promise<void> {
    await answerOf(api.DELETE("/api/v1/session"));
    this.standing = "signed-out";
    this.user = "";
    this.role = undefined;
  }
}

const STANDING_OF: Record<string, Standing> = { NOT_SIGNED_IN: "signed-out", NOT_SET_UP: "not-set-up" };

export const me = new Me();
