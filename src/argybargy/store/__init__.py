"""What lasts. A store keeps rooms, codes and the audit log; it decides nothing."""
