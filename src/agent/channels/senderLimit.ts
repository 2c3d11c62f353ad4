/** A place for a notification while it is received, and checked. */
export interface Place {
  /** All of its body is there: from now on it keeps its place. */
  received(): void;
  leave(): void;
}

/** The notifications being received at this moment. */
export interface Reception {
  /**
   * A place for a notification, or undefined when there is none.
   *
   * @param proven whether its sender has sent something genuine before
   * @param cut is called when the place goes to a newcomer
   */
  enter(sender: string, proven: boolean, cut: () => void): Place | undefined;
}

/** Places of senders that have proven nothing, of those that have, and of one sender. */
const MOST = { unproven: 48, proven: 16, ofOne: 4 };

interface Held {
  sender: string;
  proven: boolean;
  isHalf: boolean;
  cut: () => void;
}

/**
 * Places for notifications. When all are taken, a new one gets that of the oldest body of which only a part
 * has come: an honest body is here within moments, and another could hold its place for long. Senders of
 * genuine notifications have places of their own.
 */
export function createReception(): Reception {
  /** The oldest first. */
  const places = new Set<Held>();
  /** Whether there is room for one more beside `crowd`, if need be for the oldest half of a body in it. */
  const makeRoom = (crowd: Held[], most: number): boolean => {
    if (crowd.length < most) return true;
    const oldest = crowd.find(({ isHalf }) => isHalf);
    if (oldest === undefined) return false;
    places.delete(oldest);
    oldest.cut();
    return true;
  };
  const those = (belongs: (held: Held) => boolean) => [...places].filter(belongs);
  return {
    enter: (sender, proven, cut) => {
      const most = proven ? MOST.proven : MOST.unproven;
      const ofSender = those((each) => each.sender === sender);
      if (!makeRoom(ofSender, MOST.ofOne)) return undefined;
      const alike = those((each) => each.proven === proven);
      if (!makeRoom(alike, most)) return undefined;
      const held = { sender, proven, isHalf: true, cut };
      places.add(held);
      return {
        received: () => {
          held.isHalf = false;
        },
        leave: () => places.delete(held),
      };
    },
  };
}
